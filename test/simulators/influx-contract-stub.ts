// An InfluxDB 2.x or 3.x as far as its published HTTP contract goes, for the doors that no Debian package offers: it
// demands the token, the bucket and gzip that is gzip, parses every line with a parser of its own, keeps one type per
// field for ever, merges fields of a rewritten point, stores the good lines of a 400, and fails as it is told to.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';

export type StubField = number | bigint | string | boolean;

export interface StubPoint {
  readonly measurement: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly fields: ReadonlyMap<string, StubField>;
  readonly timeNs: bigint;
}

/** Splits at an unescaped, unquoted separator. */
function splitAt(text: string, separator: string): string[] {
  const parts: string[] = [];
  let part = '';
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === '\\' && index + 1 < text.length) {
      part += character + text.charAt(++index);
    } else if (character === '"' && separator !== '=') {
      quoted = !quoted;
      part += character;
    } else if (character === separator && !quoted) {
      parts.push(part);
      part = '';
    } else part += character;
  }
  return [...parts, part];
}

const bare = (text: string): string => text.replace(/\\([,= ])/g, '$1');

function parseField(text: string): StubField {
  if (/^-?\d+i$/.test(text)) {
    const integer = BigInt(text.slice(0, -1));
    if (BigInt.asIntN(64, integer) !== integer) throw new Error('integer out of range');
    return integer;
  }
  if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^"(?:\\.|[^"\\])*"$/s.test(text)) return text.slice(1, -1).replace(/\\(["\\])/g, '$1');
  if (text === 'true' || text === 'false') return text === 'true';
  throw new Error(`invalid field format: ${text}`);
}

/** One line, or an Error with the reason. */
export function parseLine(line: string): StubPoint {
  const parts = splitAt(line, ' ');
  const [head, fieldText, timeText] = parts;
  if (parts.length !== 3 || head === undefined || fieldText === undefined)
    throw new Error(`unable to parse '${line}': expected three parts`);
  if (!/^-?\d+$/.test(timeText ?? '')) throw new Error(`unable to parse '${line}': bad timestamp`);
  const [measurement, ...tagTexts] = splitAt(head, ',');
  const tags = new Map<string, string>();
  for (const text of tagTexts) {
    const [name, content] = splitAt(text, '=');
    if (!name || !content) throw new Error(`unable to parse '${line}': missing tag value`);
    tags.set(bare(name), bare(content));
  }
  const fields = new Map<string, StubField>();
  for (const text of splitAt(fieldText, ',')) {
    const equals = text.search(/(?<!\\)=/);
    if (equals < 1) throw new Error(`unable to parse '${line}': invalid field`);
    fields.set(bare(text.slice(0, equals)), parseField(text.slice(equals + 1)));
  }
  return { measurement: bare(measurement ?? ''), tags, fields, timeNs: BigInt(timeText ?? '') };
}

/** What the next request meets instead of a healthy server. */
export interface StubFault {
  /** 0: the connection breaks instead of an answer. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How much of the request is stored all the same. */
  readonly stores: 'nothing' | 'half' | 'all';
}

export interface InfluxStub {
  readonly url: string;
  /** By measurement, tags and time. */
  readonly points: ReadonlyMap<string, StubPoint>;
  readonly requests: readonly { method: string; path: string; linesCount: number }[];
  failNext(...faults: StubFault[]): void;
  pointsOf(measurement: string): readonly StubPoint[];
  close(): Promise<void>;
}

export interface StubOptions {
  readonly generation: 2 | 3;
  readonly organisation: string;
  readonly bucket: string;
  readonly token: string;
  /** 413 above it, of the inflated body. */
  readonly bodyMaxBytes?: number;
  /** Points whose time is before are beyond retention. */
  readonly keepsFromNs?: bigint;
}

const keyOf = (point: StubPoint): string =>
  [point.measurement, ...[...point.tags].map((pair) => pair.join('=')).sort(), point.timeNs].join(
    '|',
  );

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Starts the stub on a free loopback port. */
export async function startInfluxStub(options: StubOptions): Promise<InfluxStub> {
  const points = new Map<string, StubPoint>();
  const types = new Map<string, string>();
  const requests: { method: string; path: string; linesCount: number }[] = [];
  const faults: StubFault[] = [];

  /** Stores what is good; returns what was not. */
  function store(lines: readonly string[]): { line: string; number: number; because: string }[] {
    const bad: { line: string; number: number; because: string }[] = [];
    lines.forEach((line, index) => {
      try {
        const point = parseLine(line);
        if (point.timeNs < (options.keepsFromNs ?? -(2n ** 63n)))
          throw new Error('point beyond retention');
        for (const [name, content] of point.fields) {
          const known = types.get(`${point.measurement}.${name}`);
          if (known !== undefined && known !== typeof content)
            throw new Error(
              `field type conflict: "${name}" is ${typeof content}, already ${known}`,
            );
        }
        for (const [name, content] of point.fields)
          types.set(`${point.measurement}.${name}`, typeof content);
        const older = points.get(keyOf(point));
        const fields = new Map([...(older?.fields ?? []), ...point.fields]);
        points.set(keyOf(point), { ...point, fields });
      } catch (failure) {
        bad.push({ line, number: index + 1, because: (failure as Error).message });
      }
    });
    return bad;
  }

  function answer(
    response: ServerResponse,
    status: number,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      date: new Date().toUTCString(),
      ...headers,
    });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }

  const complain = (code: string, message: string) =>
    options.generation === 2 ? { code, message } : { error: message };

  function erase(body: Buffer): void {
    const { start, stop, predicate } = JSON.parse(body.toString()) as Record<string, string>;
    const nsOf = (text: string): bigint => {
      const [, whole, fraction] = /^(.*?)(?:\.(\d+))?Z$/.exec(text) ?? [];
      return (
        BigInt(Date.parse(`${whole ?? ''}Z`)) * 1_000_000n + BigInt((fraction ?? '').padEnd(9, '0'))
      );
    };
    const wanted = (predicate ?? '').split(' AND ').map((term) => {
      const [, name, content] = /^(\w+)="((?:\\.|[^"\\])*)"$/.exec(term) ?? [];
      if (!name || content === undefined) throw new Error(`bad predicate ${term}`);
      return [name, content.replace(/\\(["\\])/g, '$1')] as const;
    });
    for (const [key, point] of points) {
      const matches = wanted.every(([name, content]) =>
        name === '_measurement' ? point.measurement === content : point.tags.get(name) === content,
      );
      const inTime = point.timeNs >= nsOf(start ?? '') && point.timeNs <= nsOf(stop ?? '');
      if (matches && inTime) points.delete(key);
    }
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://stub');
    const raw = await bodyOf(request);
    const schemes = options.generation === 2 ? ['Token'] : ['Token', 'Bearer'];
    const isWrite = url.pathname === '/api/v2/write';
    const note = { method: request.method ?? '', path: url.pathname, linesCount: 0 };
    requests.push(note);
    if (!schemes.some((scheme) => request.headers.authorization === `${scheme} ${options.token}`)) {
      answer(response, 401, complain('unauthorized', 'unauthorized access'));
      return;
    }
    const { searchParams } = url;
    if (options.generation === 2 && searchParams.get('org') !== options.organisation) {
      answer(response, 404, complain('not found', 'organization not found'));
      return;
    }
    if (searchParams.get('bucket') !== options.bucket) {
      answer(response, 404, complain('not found', 'bucket not found'));
      return;
    }
    if (
      request.method === 'POST' &&
      url.pathname === '/api/v2/delete' &&
      options.generation === 2
    ) {
      erase(raw);
      answer(response, 204, undefined);
      return;
    }
    if (request.method !== 'POST' || !isWrite) {
      answer(response, 404, complain('not found', 'path not found'));
      return;
    }
    if (searchParams.get('precision') !== 'ns') {
      answer(response, 400, complain('invalid', 'this stub demands precision=ns'));
      return;
    }
    if (request.headers['content-encoding'] !== 'gzip') {
      answer(response, 400, complain('invalid', 'this stub demands gzip'));
      return;
    }
    const body = gunzipSync(raw);
    const lines = body
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
    note.linesCount = lines.length;
    if (body.length > (options.bodyMaxBytes ?? Infinity)) {
      answer(response, 413, complain('request too large', 'unable to read data: body too large'));
      return;
    }
    const fault = faults.shift();
    if (fault) {
      if (fault.stores !== 'nothing')
        store(fault.stores === 'all' ? lines : lines.slice(0, Math.ceil(lines.length / 2)));
      if (fault.status === 0) request.socket.destroy();
      else {
        response.writeHead(fault.status, {
          'content-type': 'text/plain',
          date: new Date().toUTCString(),
          ...fault.headers,
        });
        response.end(fault.body ?? 'as told');
      }
      return;
    }
    const bad = store(lines);
    const first = bad[0];
    if (first === undefined) answer(response, 204, undefined);
    else if (options.generation === 2)
      answer(
        response,
        first.because.includes('retention') ? 422 : 400,
        complain('invalid', `partial write: ${first.because} dropped=${bad.length}`),
      );
    else
      answer(response, 400, {
        error: 'partial write of line protocol occurred',
        data: bad.map(({ line, number, because }) => ({
          original_line: line,
          line_number: number,
          error_message: because,
        })),
      });
  }

  const server = createServer((request, response) => {
    respond(request, response).catch((failure: unknown) => {
      answer(response, 500, complain('internal error', String(failure)));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    points,
    requests,
    failNext: (...next) => void faults.push(...next),
    pointsOf: (measurement) =>
      [...points.values()].filter((point) => point.measurement === measurement),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}
