// The registers of a rehearsed Modbus meter, laid out by its profile. Every value of a block is of one refresh, so a
// client never sees half of an old and half of a new count; what the profile forbids is refused as the device would.
import type { ModbusProfile, ModbusRead } from '../decode/profile.ts';
import type { Dice } from './dice.ts';
import { encodeRegisters, encodeText } from './encode-registers.ts';
import type { Display } from './meter-works.ts';
import { counterUj, gaugeReading, quantumUj, rawUnitUj } from './shown-quantity.ts';

export const MODBUS_TABLES = ['input', 'holding'] as const;
export type ModbusTable = (typeof MODBUS_TABLES)[number];

/** A Modbus exception, by its code (Modbus Application Protocol V1.1b3, §7). */
export class ModbusException extends Error {
  readonly modbusErrorCode: number;
  constructor(modbusErrorCode: number, what: string) {
    super(what);
    this.name = 'ModbusException';
    this.modbusErrorCode = modbusErrorCode;
  }
}
const ILLEGAL_ADDRESS = 2;
const ILLEGAL_COUNT = 3;
const REGISTERS_PER_REPLY_COUNT = 125;

export interface RegisterImage {
  /** Registers of a block. Throws ModbusException where the device would answer with one. */
  read(table: ModbusTable, address: number, count: number): readonly number[];
}

interface Cell {
  readonly register: number;
  /** A read may neither begin inside of a value nor end inside of one. */
  readonly begins: boolean;
}

/**
 * The image of one meter. `display` is asked at each read; the registers are laid out anew only after a refresh.
 * Identity registers hold a serial from the dice.
 */
export function registerImage(
  profile: ModbusProfile,
  display: () => Display,
  dice: Dice,
): RegisterImage {
  const identity = identityCells(profile, dice);
  const phasesCount = profile.reads.some((read) => read.channel.endsWith('_l3')) ? 3 : 1;
  let laidOutIndex = -1;
  let cells = new Map<string, Cell>();
  const layOut = (shown: Display): void => {
    cells = new Map(identity);
    for (const read of profile.reads) {
      place(
        cells,
        tableOf(profile, read.table),
        read.at,
        registersOf(profile, read, shown, phasesCount),
      );
      if (read.kind === 'counter') {
        // The other tariffs stand still: only the first one counts.
        for (const at of read.plus ?? []) {
          const standing = encodeCount(profile, read, tariffUj(read));
          place(cells, tableOf(profile, read.table), at, standing);
        }
      }
    }
    laidOutIndex = shown.refreshIndex;
  };

  return {
    read(table, address, count) {
      if (count < 1 || count > REGISTERS_PER_REPLY_COUNT) {
        throw new ModbusException(ILLEGAL_COUNT, `${count} registers`);
      }
      const shown = display();
      if (shown.refreshIndex !== laidOutIndex) layOut(shown);
      checkLimits(profile, address, count);
      const cut = cells.get(keyOf(table, address))?.begins === false;
      const torn = cells.get(keyOf(table, address + count))?.begins === false;
      if (cut || torn) throw new ModbusException(ILLEGAL_ADDRESS, 'the read splits a value');
      return Array.from({ length: count }, (_, index) => {
        const cell = cells.get(keyOf(table, address + index));
        if (cell) return cell.register;
        if (isReadable(profile, table, address + index)) return 0;
        throw new ModbusException(ILLEGAL_ADDRESS, `no register ${address + index}`);
      });
    },
  };
}

const keyOf = (table: ModbusTable, address: number): string => `${table}:${address}`;

function tableOf(profile: ModbusProfile, table: ModbusTable | undefined): ModbusTable {
  return table ?? profile.speaks.table;
}

function place(
  cells: Map<string, Cell>,
  table: ModbusTable,
  address: number,
  registers: readonly number[],
): void {
  registers.forEach((register, index) => {
    cells.set(keyOf(table, address + index), { register, begins: index === 0 });
  });
}

function registersOf(
  profile: ModbusProfile,
  read: ModbusRead,
  shown: Display,
  phasesCount: number,
): readonly number[] {
  if (read.kind === 'counter') {
    const otherUj = tariffUj(read) * BigInt(read.plus?.length ?? 0);
    return encodeCount(profile, read, counterUj(read, shown) - otherUj);
  }
  const raw = gaugeReading(read, shown, phasesCount) / (read.scale?.by ?? 1);
  return encodeRegisters(raw, read.as, read.order ?? profile.speaks.order);
}

type ModbusCounter = Extract<ModbusRead, { kind: 'counter' }>;

/** What stands in each further tariff register: a thousand quanta, counted before the rehearsal. */
const tariffUj = (read: ModbusCounter): bigint =>
  read.channel === 'energy_export' ? 0n : 1000n * quantumUj(read);

function encodeCount(
  profile: ModbusProfile,
  read: ModbusCounter,
  energyUj: bigint,
): readonly number[] {
  const unitUj = rawUnitUj(read);
  const order = read.order ?? profile.speaks.order;
  if (read.as === 'float32' || read.as === 'float64') {
    const wholeUnit = BigInt(Math.round(unitUj));
    const raw = Number(energyUj / wholeUnit) + Number(energyUj % wholeUnit) / unitUj;
    return encodeRegisters(raw, read.as, order);
  }
  return encodeRegisters(energyUj / BigInt(Math.round(unitUj)), read.as, order);
}

function checkLimits(profile: ModbusProfile, address: number, count: number): void {
  const { registers_per_read: most, registers_multiple: multiple = 1 } = profile.limits;
  if (typeof most === 'number' && count > most) {
    throw new ModbusException(ILLEGAL_ADDRESS, `more than ${most} registers`);
  }
  if (address % multiple !== 0 || count % multiple !== 0) {
    throw new ModbusException(ILLEGAL_ADDRESS, `not a multiple of ${multiple}`);
  }
}

function isReadable(profile: ModbusProfile, table: ModbusTable, address: number): boolean {
  return (profile.limits.readable ?? []).some(
    (span) =>
      tableOf(profile, span.table) === table && address >= span.from && address < span.until,
  );
}

function identityCells(profile: ModbusProfile, dice: Dice): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  for (const item of profile.identify) {
    const table = tableOf(profile, item.table);
    const order = item.order ?? profile.speaks.order;
    const text = item.what === 'serial' ? `R${dice.hex(7)}` : textOf(profile, item.what);
    switch (item.as) {
      case 'ascii':
      case 'ascii16':
        place(cells, table, item.at, encodeText(text, item.registers ?? 1, item.as === 'ascii16'));
        break;
      case 'uint16':
      case 'uint32':
      case 'uint64': {
        const number = item.what === 'serial' ? 100_000 + dice.whole(900_000) : 1;
        const fitting = item.as === 'uint16' ? number % 65_536 : number;
        place(cells, table, item.at, encodeRegisters(BigInt(fitting), item.as, order));
        break;
      }
    }
  }
  return cells;
}

function textOf(profile: ModbusProfile, what: string): string {
  return what === 'model' ? profile.model : 'rehearsal';
}
