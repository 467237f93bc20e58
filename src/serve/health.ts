// Whether the service does its work, for probes: one word, and the reasons in words where it is not "ok". One dead meter
// in a rack is shown on the page but does not make the service ill; a wire, a sink or all readings lost does.
import type { HealthJson } from './api-schemas.ts';
import type { RackSnapshot } from './rack-view.ts';

/** The snapshot is refreshed about once a second: beyond this the refreshing itself hangs. */
const REFRESH_LATE_S = 15;

/** `refreshAgeS`: real seconds since the last refresh, or since the start before the first. */
export function healthOf(snapshot: RackSnapshot, refreshAgeS: number): HealthJson {
  const reasons: string[] = [];
  if (refreshAgeS > REFRESH_LATE_S) {
    reasons.push(`the rack was not refreshed for ${refreshAgeS.toFixed(0)} s`);
  }
  for (const wire of snapshot.wires) {
    if (!wire.connected) reasons.push(`wire ${wire.wire} is down${because(wire.trouble)}`);
  }
  for (const sink of snapshot.sinks) {
    if (sink.trouble !== '' && sink.waitingCount > 0) {
      reasons.push(
        `sink ${sink.sink} is stuck: ${sink.waitingCount} rows wait${because(sink.trouble)}`,
      );
    }
  }
  const measured = [...snapshot.points, ...snapshot.nodes];
  if (measured.length > 0 && measured.every(({ wallW }) => wallW === undefined)) {
    reasons.push('no readings: no point has a known power');
  }
  return { status: reasons.length === 0 ? 'ok' : 'trouble', reasons };
}

const because = (trouble: string): string => (trouble === '' ? '' : `: ${trouble}`);
