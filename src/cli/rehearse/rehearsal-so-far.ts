// What a data directory already holds of a rehearsal, so that `trueup rehearse --data DIR` goes on where it stopped:
// registers count on from where they were last read and the civil clock goes on behind the newest record. A new rack on
// an old ledger would otherwise fall back to its first counts, in a past that has been settled.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Type from 'typebox';
import Value from 'typebox/value';
import { decodeExchange } from '../../decode/decode-exchange.ts';
import type { Profile } from '../../decode/profile.ts';
import { readLedger } from '../../ledger/index.ts';
import type { Exchange } from '../../quantity/exchange.ts';
import { SiteFault } from '../../quantity/fault.ts';
import type { Site } from '../../quantity/site.ts';
import { type InstantNs, instantNs, NS_PER_S } from '../../quantity/time.ts';
import type { Microjoules } from '../../quantity/units.ts';

/** What of a configuration entry of the log makes it this rehearsal and no other; see running-site/log-entries.ts. */
const Configuration = Type.Object({
  rehearsal_seed: Type.Integer(),
  instruments: Type.Array(
    Type.Object({
      id: Type.String(),
      profile: Type.String(),
      unit: Type.Integer(),
      topic: Type.String(),
    }),
  ),
});
type InstrumentEntry = Type.Static<typeof Configuration>['instruments'][number];

export interface RehearsalSoFar {
  /** A second behind the newest record: the rehearsed clock starts here. */
  readonly civilNs: InstantNs;
  /** Import register of each meter as it was last read. */
  readonly registersUj: ReadonlyMap<string, Microjoules>;
  /** Throws SiteFault where the rack is not the one that the ledger knows. */
  checkSame(site: Site): void;
}

/** The register is in one of the newest exchanges of a meter, even where it reads other things in between. */
const NEWEST_COUNT = 64;

/** Undefined where nothing was rehearsed there yet. Throws SiteFault for the ledger of a real site. */
export async function rehearsalSoFar(
  dataDir: string,
  seed: number,
  profiles: ReadonlyMap<string, Profile>,
): Promise<RehearsalSoFar | undefined> {
  if (!existsSync(join(dataDir, 'log', 'checkpoint'))) return undefined;
  const ledger = await readLedger(dataDir);
  try {
    if (!ledger.origin.startsWith('rehearsal.')) {
      throw new SiteFault({
        where: dataDir,
        what: 'this directory holds the ledger of a real site',
        remedy: 'name another directory with --data; a rehearsal never writes into a real ledger',
      });
    }
    let configuration: unknown;
    for await (const { entry } of ledger.entries(0)) {
      if (entry.type === 'configuration') configuration = entry.document;
    }
    const newest = new Map<string, Exchange[]>();
    let untilNs: InstantNs | undefined;
    for await (const records of ledger.records(0)) {
      for (const record of records) {
        const atNs = record.is === 'exchange' ? record.exchange.lastByteNs : record.event.atNs;
        if (untilNs === undefined || atNs > untilNs) untilNs = atNs;
        if (record.is === 'exchange') keepNewest(newest, record.exchange);
      }
    }
    if (untilNs === undefined || newest.size === 0) return undefined;
    const known = Value.Check(Configuration, configuration) ? configuration : undefined;
    if (known?.rehearsal_seed !== seed) throw another(dataDir, known?.rehearsal_seed);
    return {
      civilNs: instantNs(untilNs + NS_PER_S),
      registersUj: registersOf(known.instruments, newest, profiles),
      checkSame: (site) => {
        const planned = [...site.instruments.values()].map(textOf).sort().join('\n');
        if (known.instruments.map(textOf).sort().join('\n') !== planned) {
          throw another(dataDir, known.rehearsal_seed);
        }
      },
    };
  } finally {
    ledger.close();
  }
}

function keepNewest(newest: Map<string, Exchange[]>, exchange: Exchange): void {
  const kept = newest.get(exchange.source) ?? [];
  kept.push(exchange);
  if (kept.length > NEWEST_COUNT) kept.shift();
  newest.set(exchange.source, kept);
}

function registersOf(
  instruments: readonly InstrumentEntry[],
  newest: ReadonlyMap<string, readonly Exchange[]>,
  profiles: ReadonlyMap<string, Profile>,
): ReadonlyMap<string, Microjoules> {
  const registers = new Map<string, Microjoules>();
  for (const instrument of instruments) {
    const profile = profiles.get(instrument.profile);
    if (!profile) continue;
    for (const exchange of newest.get(instrument.id) ?? []) {
      for (const each of decodeExchange(profile, exchange, instrument)) {
        if (each.kind !== 'counter' || each.component !== '') continue;
        if (each.channel === 'energy_import') registers.set(instrument.id, each.energyUj);
      }
    }
  }
  return registers;
}

const textOf = ({ id, profile, unit, topic }: InstrumentEntry): string =>
  JSON.stringify([id, profile, unit, topic]);

const another = (dataDir: string, seed: number | undefined): SiteFault =>
  new SiteFault({
    where: dataDir,
    what: `this directory holds another rehearsal${seed === undefined ? '' : `, of seed ${seed.toString()}`}`,
    remedy: 'name another directory with --data, or rehearse the same rack with the same --seed',
  });
