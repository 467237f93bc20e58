// What every command of the line is: arguments in, lines out, an exit code that scripts can rely on.
import { parseArgs, type ParseArgsConfig } from 'node:util';

/** 0 done, 1 the data is wrong, 2 usage or site file, 3 refused by a gate, 4 a peer is unreachable. */
export const EXIT = { done: 0, wrong: 1, usage: 2, refused: 3, unreachable: 4 } as const;

export interface Terminal {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  /** A person looks at it: tables may be redrawn in place. */
  readonly interactive: boolean;
  readonly widthCount: number;
}

export interface Command {
  /** One line for the list of commands. */
  readonly about: string;
  /** The whole help text. */
  readonly help: string;
  readonly run: (argv: string[], terminal: Terminal) => Promise<number>;
}

/** The command line is wrong: say so, and where to read on. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}

/** node:util parseArgs with its errors as UsageError. */
export function readArguments<T extends ParseArgsConfig>(
  config: T,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** JSON with bigints as decimal strings. */
export const jsonLine = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'bigint' ? each.toString() : each,
  );
