// The dialogue by which a meter of IEC 62056-21 is asked for its data (§6.4, modes A to C): a request at the opening speed,
// an identification that tells the speed it offers, an acknowledgement that takes it, and the readout at that speed.
import type { Timer, Timers } from '../quantity/clock.ts';
import type { BytePort } from './byte-port.ts';

/** `/?!` CR LF: whoever is there, send your data. */
const REQUEST = Uint8Array.of(0x2f, 0x3f, 0x21, 0x0d, 0x0a);
/** Mode C: the digit behind the maker's three letters (§6.3.14 table). */
const MODE_C_BAUD: Readonly<Record<string, number>> = {
  '0': 300,
  '1': 600,
  '2': 1200,
  '3': 2400,
  '4': 4800,
  '5': 9600,
  '6': 19_200,
};
/** Mode B: the meter changes the speed by itself. */
const MODE_B_BAUD: Readonly<Record<string, number>> = {
  A: 600,
  B: 1200,
  C: 2400,
  D: 4800,
  E: 9600,
  F: 19_200,
};
/** Reaction time: at least 200 ms between what came and what is sent (§6.4.3). */
const REACTION_MS = 250;

export interface DialogueOptions {
  readonly timers: Timers;
  readonly baud: number;
  /** Real time without a byte after which the meter is taken for silent. */
  readonly silenceMs: number;
  /** The identification line that has come; empty until it is whole. */
  readonly identification: () => string;
}

export class D0Dialogue {
  readonly #options: DialogueOptions;
  #sent: Uint8Array = new Uint8Array();
  #isEnded = true;
  #isHeard = false;
  #wake: () => void = () => undefined;

  constructor(options: DialogueOptions) {
    this.#options = options;
  }

  /** All that was sent in this dialogue. */
  get sent(): Uint8Array {
    return this.#sent;
  }

  /** Whether the meter has sent anything since it was asked. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** Bytes came. */
  heard(): void {
    this.#isHeard = true;
    this.#wake();
  }

  /** A readout, whole or broken, has come, or the line was lost: nothing more is waited for. */
  ended(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Asks once. Resolves to whether a readout ended; false where the meter fell silent before. */
  async ask(port: BytePort): Promise<boolean> {
    this.#isEnded = false;
    this.#isHeard = false;
    this.#sent = new Uint8Array();
    await port.setBaud?.(this.#options.baud);
    await port.flush();
    this.#send(port, REQUEST);
    if (!(await this.#until(() => this.#options.identification() !== ''))) return false;
    if (!this.#hasEnded()) await this.#agree(port, this.#options.identification()[3] ?? '');
    return this.#until(() => false);
  }

  async #agree(port: BytePort, offered: string): Promise<void> {
    const byItselfBaud = MODE_B_BAUD[offered];
    if (byItselfBaud !== undefined) {
      await port.setBaud?.(byItselfBaud);
      return;
    }
    const offeredBaud = MODE_C_BAUD[offered];
    // Neither a letter nor a digit: mode A goes on at the opening speed, without an acknowledgement.
    if (offeredBaud === undefined) return;
    await this.#options.timers.sleep(REACTION_MS);
    // Behind a serial server the speed is not ours to change, so the opening speed is kept there.
    const digit = port.setBaud === undefined ? digitOf(this.#options.baud) : offered;
    this.#send(port, Uint8Array.of(0x06, 0x30, digit.charCodeAt(0), 0x30, 0x0d, 0x0a));
    if (port.setBaud !== undefined && offeredBaud !== this.#options.baud)
      await port.setBaud(offeredBaud);
  }

  // A method, since what is awaited in between may change it.
  #hasEnded(): boolean {
    return this.#isEnded;
  }

  #send(port: BytePort, bytes: Uint8Array): void {
    this.#sent = Uint8Array.of(...this.#sent, ...bytes);
    port.write(bytes);
  }

  /** Waits for the condition, the end, or silence; false for silence. */
  async #until(condition: () => boolean): Promise<boolean> {
    while (!this.#hasEnded() && !condition()) {
      const woken = await new Promise<boolean>((resolve) => {
        const timer: Timer = this.#options.timers.after(this.#options.silenceMs, () => {
          resolve(false);
        });
        this.#wake = () => {
          timer.cancel();
          resolve(true);
        };
      });
      if (!woken) return false;
    }
    return true;
  }
}

const digitOf = (baud: number): string =>
  Object.entries(MODE_C_BAUD).find(([, each]) => each === baud)?.[0] ?? '0';
