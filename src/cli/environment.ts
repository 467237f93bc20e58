// The one file that reads the environment.

/** The variable's text, or undefined where it is unset or empty. */
export function environmentVariable(name: string): string | undefined {
  const text = process.env[name];
  return text === undefined || text === '' ? undefined : text;
}
