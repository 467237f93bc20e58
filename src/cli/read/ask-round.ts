// One round of questions on a wire: every device is asked everything once, in fair turns and with all the guards of the
// service, and then the wire is closed. For commands that look at devices and do not stay.
import type { Exchange } from '../../quantity/exchange.ts';
import type { FaultCode } from '../../quantity/fault.ts';
import type { Wire } from '../../quantity/site.ts';
import { fromSeconds } from '../../quantity/time.ts';
import type { PolledDevice } from '../../transport/transport.ts';
import { openWire } from '../../transport/transports.ts';
import { systemClock, systemTimers } from '../system-clock.ts';

/** A device that answers with these is still there: the rest of its registers is asked for as well. */
const ANSWERED: readonly FaultCode[] = [
  'transport.exception',
  'transport.busy',
  'transport.too-big',
  'transport.unauthorised',
];
/** Gateway exceptions 10 and 11: it is the gateway that answers, the device behind it does not. */
const GATEWAY_EXCEPTIONS: readonly number[] = [10, 11];

/** Whether the wire goes on to the next device, since this one is not there. */
export function isAbandoned({ fault, form, reply }: Exchange): boolean {
  if (fault === undefined) return false;
  const isModbus = form === 'modbus-tcp' || form === 'modbus-rtu';
  const exceptionCode = isModbus ? (reply[form === 'modbus-tcp' ? 8 : 2] ?? 0) : 0;
  return !ANSWERED.includes(fault) || GATEWAY_EXCEPTIONS.includes(exceptionCode);
}

/** How many questions one poll of a device has. */
export const questionsCount = ({ reads, gets, asks }: PolledDevice): number =>
  (gets ?? asks ?? reads).length;

/** Far longer than any round: only the first turn of each device counts. */
const POLL = fromSeconds(86_400);

/** What came of each device, by its source. Rejects with a SiteFault where the wire can never be opened. */
export async function askRound(
  wire: Wire,
  devices: readonly Omit<PolledDevice, 'poll'>[],
  limitMs: number,
): Promise<ReadonlyMap<string, readonly Exchange[]>> {
  const answers = new Map<string, Exchange[]>();
  const asked = devices
    .map((device) => ({ ...device, poll: POLL }))
    .filter((device) => questionsCount(device) > 0);
  const left = new Map(asked.map((device) => [device.source, questionsCount(device)]));
  if (left.size === 0) return answers;
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const limit = systemTimers.after(limitMs, () => {
    finish();
  });
  const tasks = { devices: asked, subscriptions: [] };
  const open = await openWire('wire', wire, tasks, {
    clock: systemClock(),
    timers: systemTimers,
    deliver: (exchange) => {
      const count = left.get(exchange.source);
      if (count === undefined) return Promise.resolve();
      answers.set(exchange.source, [...(answers.get(exchange.source) ?? []), exchange]);
      if (count === 1 || isAbandoned(exchange)) left.delete(exchange.source);
      else left.set(exchange.source, count - 1);
      if (left.size === 0) finish();
      return Promise.resolve();
    },
  });
  await done;
  limit.cancel();
  await open.close();
  return answers;
}
