// Where a service listens, as one text: in the site file and on the command line alike.
import { SiteFault } from '../../quantity/fault.ts';

/** `HOST:PORT`, with the host in brackets where it is IPv6. */
export function parseListen(text: string, where: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535) {
    throw new SiteFault({
      where,
      what: `"${text}" is no address to listen on`,
      remedy: 'write HOST:PORT, such as 127.0.0.1:8080',
    });
  }
  return { host: match[1] ?? (match[2] === '' ? '127.0.0.1' : (match[2] ?? '127.0.0.1')), port };
}
