// Starts the HTTP face. A port that is taken or an address that is not ours is the operator's to mend: a SiteFault at
// start that says how, before anything else runs.
import type { AddressInfo } from 'node:net';
import { SiteFault } from '../quantity/fault.ts';
import { buildApp, type AppOptions } from './app.ts';

/** Sockets at once: live streams, scrapers and node agents of one site, with room to spare. */
const CONNECTIONS_MAX_COUNT = 2048;

export interface ServerOptions extends AppOptions {
  /** 0 lets the system choose. */
  readonly port: number;
}

export interface RunningServer {
  /** Where a browser on this machine finds the rack page, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Ends live streams and open requests; resolves when the port is free again. */
  close(): Promise<void>;
}

/** Listens; throws a SiteFault where that address cannot be listened on. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const app = buildApp(options);
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    throw listenFault(options, error);
  }
  app.server.maxConnections = CONNECTIONS_MAX_COUNT;
  const port = portOf(app.server.address());
  return {
    url: `http://${hostText(options.host)}:${port}`,
    port,
    close: async () => {
      await app.close();
    },
  };
}

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' && address !== null ? address.port : 0;

/** The host as a URL says it; "everywhere" is reached as localhost. */
function hostText(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function listenFault({ host, port }: ServerOptions, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const fault = (what: string, remedy: string): SiteFault =>
    new SiteFault({ where: `listen ${host}:${port}`, what, remedy }, { cause: error });
  switch (code) {
    case 'EADDRINUSE':
      return fault(
        `port ${port} is taken by another program`,
        'stop that program, or choose another port with --listen HOST:PORT',
      );
    case 'EACCES':
      return fault(
        `this user may not listen on port ${port}`,
        'choose a port above 1023 with --listen HOST:PORT',
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fault(
        `${host} is no address of this machine`,
        'choose one that is with --listen HOST:PORT, such as 127.0.0.1:8080',
      );
    default:
      return error;
  }
}
