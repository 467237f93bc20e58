// One HTTP connection to an InfluxDB, kept alive: sends lines gzipped and turns every answer, and every failure to get
// one, into a word the senders understand. Only 204 means stored; a 400 counts against rows only if InfluxDB itself
// wrote it, since proxies and TLS ports answer 400 too and would otherwise condemn good rows.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Pool } from 'undici';
import { SiteFault } from '../quantity/fault.ts';

export type WriteAnswer =
  | { readonly answer: 'stored' }
  | {
      readonly answer: 'later';
      readonly because: string;
      readonly retryAfterMs: number | undefined;
      /** The database, bucket or door is not there. */
      readonly absent: boolean;
    }
  | { readonly answer: 'refused'; readonly because: string }
  | { readonly answer: 'too-large'; readonly because: string };

interface QueryAnswer {
  readonly ok: boolean;
  /** The whole body, or why there is none. */
  readonly text: string;
}

export interface InfluxDoor {
  /** POST of lines; the path is below the configured URL and carries its query. */
  write(path: string, lines: string): Promise<WriteAnswer>;
  /** Any other request; the body is sent as it is. */
  ask(request: {
    readonly method: 'GET' | 'POST';
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | undefined;
  }): Promise<QueryAnswer>;
  close(): Promise<void>;
}

const compress = promisify(gzip);
const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 30_000;
/** Longest Retry-After that is believed. */
const RETRY_AFTER_MAX_MS = 3_600_000;
const BECAUSE_LENGTH_MAX_COUNT = 300;

/** Why something failed, on one line and short enough for a status page. */
export function reasonOf(failure: unknown): string {
  const text = failure instanceof Error ? failure.message || failure.name : String(failure);
  return text.replace(/\s+/g, ' ').trim().slice(0, BECAUSE_LENGTH_MAX_COUNT);
}

/** Retry-After in seconds or as a date; a date is compared with the server's own Date, so that no clock of ours counts. */
export function retryAfterMs(retryAfter: string | undefined, date: string | undefined) {
  if (retryAfter === undefined) return undefined;
  const seconds = /^\s*(\d+)\s*$/.exec(retryAfter)?.[1];
  const delayMs =
    seconds === undefined
      ? Date.parse(retryAfter) - Date.parse(date ?? '')
      : Number(seconds) * 1000;
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(delayMs, 0), RETRY_AFTER_MAX_MS);
}

const headerOf = (
  headers: Record<string, string | string[] | undefined>,
  name: string,
): string | undefined => {
  const found = headers[name];
  return Array.isArray(found) ? found[0] : found;
};

/** The message of an error that InfluxDB wrote (1.x `error`, 2.x `message`, 3.x `error`), or undefined. */
function influxError(text: string): string | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  const message: unknown = Reflect.get(body, 'error') ?? Reflect.get(body, 'message');
  if (typeof message !== 'string') return undefined;
  const details: unknown = Reflect.get(body, 'data');
  const first: unknown = Array.isArray(details) ? details[0] : undefined;
  const detail: unknown =
    typeof first === 'object' && first !== null ? Reflect.get(first, 'error_message') : undefined;
  return reasonOf(typeof detail === 'string' ? `${message}: ${detail}` : message);
}

function judge(
  status: number,
  text: string,
  retryMs: number | undefined,
  where: string,
): WriteAnswer {
  const message = influxError(text);
  const later = (because: string, absent = false): WriteAnswer => ({
    answer: 'later',
    because,
    retryAfterMs: retryMs,
    absent,
  });
  const said = message ?? reasonOf(text);
  if (status === 204) return { answer: 'stored' };
  if (status === 413) return { answer: 'too-large', because: `413 ${said}` };
  if ((status === 400 || status === 422) && message !== undefined)
    return { answer: 'refused', because: message };
  if (status === 401 || status === 403)
    return later(`${where} does not let us in (${status} ${said}): check its user or token`);
  if (status === 404) return later(`${where} has no such database or bucket (404 ${said})`, true);
  if (status >= 200 && status < 500 && status !== 429)
    return later(`${where} answers ${status}, which is not what an InfluxDB says: ${said}`);
  return later(`${where} answers ${status} ${said}`);
}

/** Opens the door; a wrong URL is the operator's error. */
export function openInfluxDoor(
  url: string,
  authorization: string | undefined,
  where: string,
): InfluxDoor {
  let parsed: URL;
  try {
    parsed = new URL(url);
    if (!/^https?:$/.test(parsed.protocol)) throw new Error(`${parsed.protocol} is not http`);
  } catch (cause) {
    const remedy = 'write it as http://host:8086';
    throw new SiteFault(
      { where, what: `the url "${url}" is not one of a sink`, remedy },
      { cause },
    );
  }
  const prefix = parsed.pathname.replace(/\/+$/, '');
  const pool = new Pool(parsed.origin, {
    connections: 1,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
  });
  const identified = authorization === undefined ? {} : { authorization };
  return {
    async write(path, lines) {
      try {
        const response = await pool.request({
          method: 'POST',
          path: prefix + path,
          body: await compress(lines, { level: 1 }),
          headers: {
            ...identified,
            'content-type': 'text/plain; charset=utf-8',
            'content-encoding': 'gzip',
          },
        });
        const { headers, statusCode } = response;
        const text = await response.body.text();
        const retryMs = retryAfterMs(headerOf(headers, 'retry-after'), headerOf(headers, 'date'));
        return judge(statusCode, text, retryMs, parsed.origin);
      } catch (failure) {
        const because = `${parsed.origin} cannot be reached: ${reasonOf(failure)}`;
        return { answer: 'later', because, retryAfterMs: undefined, absent: false };
      }
    },
    async ask(request) {
      try {
        const { method, path, headers, body } = request;
        const response = await pool.request({
          method,
          path: prefix + path,
          headers: { ...identified, ...headers },
          ...(body === undefined ? {} : { body }),
        });
        const text = await response.body.text();
        const ok = response.statusCode >= 200 && response.statusCode < 300;
        if (ok) return { ok, text };
        const said = influxError(text) ?? reasonOf(text);
        return { ok, text: `${parsed.origin} answers ${response.statusCode} ${said}` };
      } catch (failure) {
        return { ok: false, text: `${parsed.origin} cannot be reached: ${reasonOf(failure)}` };
      }
    },
    close: () => pool.destroy(),
  };
}
