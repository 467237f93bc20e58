// A PTDaemon power log of a run folder as samples of one source, `wall`. Its stamps are local and carry no zone, so the zone
// is asked for; a clock that was set back in the middle of a log makes an hour ambiguous, and the log is refused.
import type { Samples } from '../../align/series-from-samples.ts';
import { readPtdaemonLine, zoneOffsetS } from '../../decode/ptdaemon-log.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { NS_PER_S, instantNs, type InstantNs } from '../../quantity/time.ts';

/** More than jitter of the machine that logs: its clock was set. */
const SET_BACK_S = 60;

/** Throws SiteFault where the zone is missing, nothing can be read, or the local clock was set back. */
export function readPowerLog(
  path: string,
  text: string,
  zone: string | undefined,
): ReadonlyMap<string, ReadonlyMap<'power_w', Samples>> {
  const zoneS = zoneOffsetS(zone ?? '');
  if (zoneS === undefined) {
    throw new SiteFault({
      where: path,
      what: 'the stamps of a PTDaemon log are local time without a zone',
      remedy: 'give --zone, such as --zone +02:00, of the machine that wrote the log',
    });
  }
  const atS: number[] = [];
  const reading: number[] = [];
  let originNs: InstantNs | undefined;
  let malformedLine = 0;
  const lines = text.split('\n');
  lines.forEach((line, index) => {
    if (line.trim() === '') return;
    const read = readPtdaemonLine(line, zoneS);
    if (read.atNs === undefined) {
      // A last line without an end was cut short when the logger stopped; it is no fault of the rest.
      if (index + 1 < lines.length) malformedLine ||= index + 1;
      return;
    }
    // What is no power is handed on as it stands, below 0 or NaN, so that it is counted and left out as in any other file.
    originNs ??= instantNs((read.atNs / NS_PER_S) * NS_PER_S);
    const instantS = Number(read.atNs - originNs) / 1e9;
    if (instantS < (atS[atS.length - 1] ?? -Infinity) - SET_BACK_S) {
      throw new SiteFault({
        where: `${path}:${(index + 1).toString()}`,
        what: 'the local clock was set back here, so an hour has two meanings',
        remedy: 'cut the log at this line, and give each part its own --zone',
      });
    }
    atS.push(instantS);
    reading.push(read.reading);
  });
  if (originNs === undefined || malformedLine > 0) {
    throw new SiteFault({
      where: `${path}:${Math.max(1, malformedLine).toString()}`,
      what: originNs === undefined ? 'the log holds no power' : 'the line is no PTDaemon sample',
      remedy: 'give a spl.txt as PTDaemon wrote it; mend or remove the line',
    });
  }
  const samples = { originNs, atS: Float64Array.from(atS), reading: Float64Array.from(reading) };
  return new Map([['wall', new Map([['power_w', samples]])]]);
}
