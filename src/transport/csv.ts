// Recorded readings as a wire: each line of a neutral CSV becomes an exchange with the time that the line itself states.
// The next lines are read when those before are durable, so a file of any size takes the same memory.
import { NO_FLAGS, type Exchange, type SourceId } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { CsvWire, WireId } from '../quantity/site.ts';
import type { InstantNs } from '../quantity/time.ts';
import { parseInstant } from '../quantity/time.ts';
import type { LineBatch } from './csv-lines.ts';
import { parseNeutralLine, readNeutralLines } from './neutral-csv.ts';
import type { OpenWire, Transport, TransportPorts, WireHealth, WireTasks } from './transport.ts';

const NOTHING = new Uint8Array();

export interface OpenCsvWire extends OpenWire {
  /** Resolves when the whole file is durable, or the wire was closed, or the ledger refused. */
  readonly finished: Promise<void>;
}

class CsvOpenWire implements OpenCsvWire {
  readonly finished: Promise<void>;
  readonly #id: WireId;
  readonly #path: string;
  readonly #ports: TransportPorts;
  /** By the bytes of the source column, as latin1. */
  readonly #sources = new Map<string, SourceId[]>();
  readonly #unheard = new Set<SourceId>();
  #latestNs: InstantNs | undefined;
  #linesCount = 0;
  #exchangesCount = 0;
  #faultsCount = 0;
  #closing = false;
  #trouble = '';

  constructor(
    id: WireId,
    path: string,
    tasks: WireTasks,
    ports: TransportPorts,
    batches: AsyncIterable<LineBatch>,
  ) {
    this.#id = id;
    this.#path = path;
    this.#ports = ports;
    for (const { topic, source } of tasks.subscriptions) {
      const key = Buffer.from(topic).toString('latin1');
      this.#sources.set(key, [...(this.#sources.get(key) ?? []), source]);
      this.#unheard.add(source);
    }
    this.finished = this.#run(batches);
  }

  health(): WireHealth {
    return {
      wire: this.#id,
      connected: this.#trouble === '',
      exchangesCount: this.#exchangesCount,
      faultsCount: this.#faultsCount,
      // While the file is being read a source may still come.
      silent: this.#trouble === '' ? [] : [...this.#unheard],
      latenessMs: { p50: 0, p99: 0, max: 0 },
      trouble: this.#trouble,
    };
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.finished;
  }

  async #run(batches: AsyncIterable<LineBatch>): Promise<void> {
    let damage: string | undefined;
    try {
      // Leaving the loop early closes the file.
      for await (const batch of batches) {
        if (this.#closing) break;
        damage = await this.#take(batch);
      }
      const lines = `${String(this.#linesCount)} lines`;
      this.#trouble = this.#closing
        ? `${this.#path}: closed after ${lines}`
        : `${this.#path}: ${damage ?? 'read to its end'} after ${lines}`;
    } catch (error) {
      this.#trouble = `${this.#path}: the ledger does not take readings: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Delivers a batch and waits until it is durable; answers what is wrong with the file. */
  async #take(batch: LineBatch): Promise<string | undefined> {
    const durable: Promise<void>[] = [];
    const deliver = (sources: Iterable<SourceId>, exchange: Omit<Exchange, 'source'>): void => {
      for (const source of sources) {
        this.#exchangesCount += 1;
        if (exchange.fault !== undefined) this.#faultsCount += 1;
        durable.push(this.#ports.deliver({ source, ...exchange }));
      }
    };
    for (let index = 0; index < batch.lines.length; index += 1) {
      const line = batch.lines[index] ?? '';
      if (line === '') continue;
      this.#linesCount += 1;
      const isOversize = batch.oversize.has(index);
      const isWhole = !isOversize && batch.damage === undefined;
      const reading = isWhole ? parseNeutralLine(line) : undefined;
      if (!reading) {
        const fault = isOversize ? 'transport.oversize' : 'decode.malformed';
        deliver(this.#suspects(line), this.#exchange(line, this.#stampOf(line), fault));
        continue;
      }
      this.#latestNs = reading.time;
      const sources = this.#sources.get(reading.source);
      if (!sources) continue;
      for (const source of sources) this.#unheard.delete(source);
      deliver(sources, this.#exchange(line, reading.time, undefined));
    }
    if (batch.damage !== undefined) {
      // Nobody knows whose lines are missing, so it is a gap of all.
      deliver(this.#all(), this.#exchange('', this.#stampOf(''), 'transport.frame'));
    }
    await Promise.all(durable);
    return batch.damage;
  }

  /** Whose reading a malformed line may have been: of the source it names, else of any. */
  #suspects(line: string): Iterable<SourceId> {
    const named = line.split(',', 2)[1]?.replaceAll('"', '').trim();
    if (named === undefined || named === '') return this.#all();
    return this.#sources.get(named) ?? [];
  }

  *#all(): Iterable<SourceId> {
    for (const sources of this.#sources.values()) yield* sources;
  }

  /** The line's own time if it has one, else that of the line before it. */
  #stampOf(line: string): InstantNs {
    const stated = parseInstant(line.slice(0, 64).split(',', 1)[0]?.replaceAll('"', '') ?? '');
    return stated ?? this.#latestNs ?? this.#ports.clock.nowNs();
  }

  #exchange(line: string, atNs: InstantNs, fault: FaultCode | undefined): Omit<Exchange, 'source'> {
    return {
      form: 'csv',
      request: NOTHING,
      reply: Buffer.from(line, 'latin1'),
      sentNs: atNs,
      firstByteNs: atNs,
      lastByteNs: atNs,
      fault,
      flags: NO_FLAGS,
    };
  }
}

/** The batch that was read to check the header, then the others; closes the file when it is left early. */
async function* resume(
  first: IteratorResult<LineBatch, void>,
  batches: AsyncGenerator<LineBatch, void, undefined>,
): AsyncGenerator<LineBatch, void, undefined> {
  try {
    if (first.done) return;
    yield first.value;
    yield* batches;
  } finally {
    await batches.return();
  }
}

/** Throws SiteFault where the file cannot be opened or does not begin with the header of neutral readings. */
export const csv = {
  async open(
    id: WireId,
    wire: CsvWire,
    tasks: WireTasks,
    ports: TransportPorts,
  ): Promise<OpenCsvWire> {
    const batches = readNeutralLines(wire.path, 'latin1');
    const first = await batches.next();
    return new CsvOpenWire(id, wire.path, tasks, ports, resume(first, batches));
  },
} satisfies Transport<CsvWire>;
