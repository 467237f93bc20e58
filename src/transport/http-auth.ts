// The Authorization header of a request: Basic (RFC 7617) or Digest (RFC 7616), whichever the server asked for. Where a
// server offers both, Digest is taken, since it does not give the password away.
import { createHash, randomBytes } from 'node:crypto';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** How to answer one server from now on; `headers` is called once for each request. */
export interface HttpAuthorisation {
  headers(method: string, path: string): Record<string, string>;
}

const HASHES: Readonly<Record<string, string>> = { md5: 'md5', 'sha-256': 'sha256' };

/** From the WWW-Authenticate headers of a 401; undefined where none of them is a scheme that we speak. */
export function authorisationFor(
  challenges: readonly string[],
  credentials: Credentials,
): HttpAuthorisation | undefined {
  const offered = challenges.flatMap(split);
  const digests = offered.filter(
    ({ scheme, words }) =>
      scheme === 'digest' &&
      Object.hasOwn(HASHES, algorithmOf(words)) &&
      words.has('nonce') &&
      // A server that offers integrity alone (auth-int), or the old form without qop, is not met among meters.
      (words.get('qop') ?? '').split(/[ ,]+/).includes('auth'),
  );
  const digest = digests.find(({ words }) => algorithmOf(words) === 'sha-256') ?? digests[0];
  if (digest) return new Digest(digest.words, credentials);
  return offered.some(({ scheme }) => scheme === 'basic') ? basic(credentials) : undefined;
}

const algorithmOf = (words: ReadonlyMap<string, string>): string =>
  (words.get('algorithm') ?? 'MD5').toLowerCase();

const basic = ({ username, password }: Credentials): HttpAuthorisation => {
  const said = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return { headers: () => ({ authorization: said }) };
};

class Digest implements HttpAuthorisation {
  readonly #words: ReadonlyMap<string, string>;
  readonly #credentials: Credentials;
  #usedCount = 0;

  constructor(words: ReadonlyMap<string, string>, credentials: Credentials) {
    this.#words = words;
    this.#credentials = credentials;
  }

  headers(method: string, path: string): Record<string, string> {
    this.#usedCount += 1;
    const once = { count: this.#usedCount, cnonce: randomBytes(12).toString('hex') };
    return { authorization: digestHeader(this.#words, this.#credentials, method, path, once) };
  }
}

/** RFC 7616 §3.4, quality of protection `auth`; the client nonce is an argument, so that the RFC's examples can be run. */
export function digestHeader(
  words: ReadonlyMap<string, string>,
  { username, password }: Credentials,
  method: string,
  path: string,
  once: { readonly count: number; readonly cnonce: string },
): string {
  const hash = (text: string): string =>
    createHash(HASHES[algorithmOf(words)] ?? 'md5')
      .update(text)
      .digest('hex');
  const realm = words.get('realm') ?? '';
  const nonce = words.get('nonce') ?? '';
  const count = once.count.toString(16).padStart(8, '0');
  const secret = hash(`${username}:${realm}:${password}`);
  const asked = hash(`${method}:${path}`);
  const response = hash([secret, nonce, count, once.cnonce, 'auth', asked].join(':'));
  const opaque = words.get('opaque');
  return [
    `Digest username="${quoted(username)}", realm="${quoted(realm)}", nonce="${quoted(nonce)}"`,
    `uri="${quoted(path)}", algorithm=${words.get('algorithm') ?? 'MD5'}, response="${response}"`,
    `qop=auth, nc=${count}, cnonce="${once.cnonce}"`,
    ...(opaque === undefined ? [] : [`opaque="${quoted(opaque)}"`]),
  ].join(', ');
}

const quoted = (text: string): string => text.replace(/["\\]/g, '\\$&');

interface Challenge {
  readonly scheme: string;
  readonly words: ReadonlyMap<string, string>;
}

/** `Digest realm="a, b", qop="auth", Basic realm="c"` has two: a word without "=" begins the next. */
function split(header: string): readonly Challenge[] {
  const challenges: { scheme: string; words: Map<string, string> }[] = [];
  const piece = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/g;
  for (const [, name = '', text, token] of header.slice(0, 4096).matchAll(piece)) {
    const said = text === undefined ? token : text.replace(/\\(.)/g, '$1');
    if (said === undefined) challenges.push({ scheme: name.toLowerCase(), words: new Map() });
    else challenges.at(-1)?.words.set(name.toLowerCase(), said);
  }
  return challenges;
}
