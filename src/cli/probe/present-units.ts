// Who is on a Modbus wire at all: two harmless reads of one or two registers; any answer, also a refusal, is somebody.
import type { Exchange } from '../../quantity/exchange.ts';
import type { Wire } from '../../quantity/site.ts';
import type { PolledDevice } from '../../transport/transport.ts';
import { askRound, isAbandoned } from '../read/ask-round.ts';

/** Longest silence that a document of a meter asks for before a request, ms. */
const SILENCE_MS = 60;

const asking = (
  source: string,
  unit: number,
  table: 'holding' | 'input',
): Omit<PolledDevice, 'poll'> => ({
  source,
  unit,
  // Even in start and length, as some meters insist.
  reads: [{ table, address: 0, count: 2, alternateCount: 2 }],
  silenceMs: SILENCE_MS,
  replyTimeoutMs: undefined,
});

export interface Present {
  readonly units: readonly number[];
  /** Bytes came that were no frames: the line is in use by others, or set otherwise. */
  readonly isNoisy: boolean;
}

/**
 * Asks each unit in turn, over a connection of its own: a gateway that closes it on a unit that is not there must not hide
 * the next. A unit that is silent to one table is asked for the other.
 */
export async function presentUnits(
  wire: Wire,
  units: readonly number[],
  limitMs: number,
): Promise<Present> {
  const there: number[] = [];
  const all: Exchange[] = [];
  for (const unit of units)
    for (const table of ['holding', 'input'] as const) {
      const answers = await askRound(wire, [asking('unit', unit, table)], limitMs);
      const [first] = answers.get('unit') ?? [];
      if (first === undefined) continue;
      all.push(first);
      if (isAbandoned(first)) continue;
      there.push(unit);
      break;
    }
  return {
    units: there,
    isNoisy: all.some(({ fault }) => fault === 'transport.crc' || fault === 'transport.frame'),
  };
}
