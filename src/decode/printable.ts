// Text that a device tells, fit for a terminal.

/** Trimmed; what is not printable ASCII becomes `?`, so that no device writes to a terminal. */
export const printable = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?'))
    .join('')
    .trim();
