// A session of a Redfish service (DMTF DSP0266 §13.3.4): a POST with name and password gives a token, which stands in the
// X-Auth-Token of each request from then on, and a place, which is deleted at the end. Controllers hold few sessions and
// forget idle ones, so one is kept, made anew when it is refused, and never more often than once in a while.
import type { Credentials, HttpAuthorisation } from './http-auth.ts';

const SESSIONS_PATH = '/redfish/v1/SessionService/Sessions';
/** Sessions live for half an hour, mostly; a service that takes none must not be filled with them. */
const APART_MS = 60_000;

/** What a request and its answer are for a session: `token` and `location` where the answer has them. */
export type Post = (
  path: string,
  body: string,
) => Promise<{ readonly token: string | undefined; readonly location: string | undefined }>;

export class RedfishSession implements HttpAuthorisation {
  readonly #token: string;
  /** What to delete in the end; undefined where the service did not say. */
  readonly path: string | undefined;

  constructor(token: string, path: string | undefined) {
    this.#token = token;
    this.path = path;
  }

  headers(): Record<string, string> {
    return { 'x-auth-token': this.#token };
  }
}

export class RedfishSessions {
  readonly #credentials: Credentials;
  #triedMs = -Infinity;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** Only what Redfish defines is asked with a session. */
  static isFor(path: string): boolean {
    return path === '/redfish' || path.startsWith('/redfish/');
  }

  /** A new session; undefined where the service gives none, or it is too early to try again. */
  async open(nowMs: number, post: Post): Promise<RedfishSession | undefined> {
    if (nowMs - this.#triedMs < APART_MS) return undefined;
    this.#triedMs = nowMs;
    const { username, password } = this.#credentials;
    const body = JSON.stringify({ UserName: username, Password: password });
    const { token, location } = await post(SESSIONS_PATH, body);
    return token === undefined ? undefined : new RedfishSession(token, pathOf(location));
  }
}

/** The path of a place that may be told as a whole address; only paths below the sessions are believed. */
function pathOf(location: string | undefined): string | undefined {
  if (location === undefined || !URL.canParse(location, 'http://here')) return undefined;
  const { pathname } = new URL(location, 'http://here');
  return pathname.startsWith('/redfish/') ? pathname : undefined;
}
