// A service that has its log cosigned by itself: every ten minutes, and once more when it has ended, it asks the witnesses of a
// policy. What they say is told; a witness that is away, or objects, stops no reading.
import { LedgerDamage, type Policy, readLedger } from '../../ledger/index.ts';
import type { Timers } from '../../quantity/clock.ts';
import { askWitnesses } from '../ledger/ask-witnesses.ts';

/** A history that is rewritten within this is not noticed; a witness is asked for a few hundred bytes each time. */
const EVERY_MS = 600_000;

export interface Asking {
  /** Asks for the last time, and resolves when that is done. */
  stop(): Promise<void>;
}

/** Begins at once. Rounds follow each other; one that falls due while another runs is passed over. */
export function askRegularly(
  dataDir: string,
  policy: Policy,
  { timers, note }: { readonly timers: Timers; readonly note: (line: string) => void },
): Asking {
  let troubles = new Set<string>();
  const round = async (): Promise<void> => {
    const said = new Set<string>();
    const ledger = await readLedger(dataDir);
    try {
      for (const { name, trouble } of await askWitnesses(dataDir, ledger, policy)) {
        if (trouble !== '') said.add(`witness ${name}: ${trouble}`);
      }
    } catch (fault) {
      if (!(fault instanceof LedgerDamage)) throw fault;
      said.add(`WITNESS OBJECTS: ${fault.message}`);
    } finally {
      ledger.close();
    }
    // What has been told and is still so is not told again.
    for (const line of said) if (!troubles.has(line)) note(line);
    for (const line of troubles) if (!said.has(line)) note(`over: ${line}`);
    troubles = said;
  };
  let running: Promise<void> | undefined;
  const ask = (): Promise<void> => {
    running ??= round()
      .catch((fault: unknown) => {
        note(`witnesses could not be asked: ${String(fault)}`);
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  void ask();
  const timer = timers.every(EVERY_MS, () => void ask());
  return {
    stop: async () => {
      timer.cancel();
      await running;
      await ask();
    },
  };
}
