/** Room to the rooms it may use. */
export const MAY_USE: Readonly<Record<string, readonly string[]>>;
