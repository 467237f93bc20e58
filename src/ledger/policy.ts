// C2SP tlog-policy: which logs to believe, and which witnesses must have cosigned. Keys of kinds that we cannot check
// (ML-DSA) are read, and count as never having cosigned: a quorum is not taken for granted.
import { SiteFault } from '../quantity/fault.ts';
import { KEY_KIND, NotWellFormed, fromBase64, parseVkey, type Verifier } from './note.ts';

export interface Policy {
  readonly logs: readonly Verifier[];
  readonly witnesses: readonly PolicyWitness[];
  readonly groups: ReadonlyMap<string, { readonly needed: number; readonly of: readonly string[] }>;
  /** Name of a witness or group; `none` where no cosignature is asked for. */
  readonly quorum: string;
}

export interface PolicyWitness {
  /** In this file only. */
  readonly name: string;
  /** undefined where its key is of a kind that we cannot check. */
  readonly verifier: Verifier | undefined;
  /** Where it can be asked; empty where the file does not say. */
  readonly url: string;
}

/** Whether these witnesses, by their names in the policy, are enough. */
export function meetsQuorum(policy: Policy, cosigned: ReadonlySet<string>): boolean {
  const isMet = (name: string): boolean => {
    const group = policy.groups.get(name);
    return group ? group.of.filter(isMet).length >= group.needed : cosigned.has(name);
  };
  return policy.quorum === 'none' || isMet(policy.quorum);
}

/**
 * Reads a policy file.
 * @throws SiteFault with the line that is wrong
 */
export function parsePolicy(text: string, where: string): Policy {
  const logs: Verifier[] = [];
  const witnesses: PolicyWitness[] = [];
  const groups = new Map<string, { needed: number; of: string[] }>();
  const names = new Set<string>();
  const members = new Set<string>();
  let quorum: string | undefined;

  text.split('\n').forEach((line, at) => {
    const wrong = (what: string): SiteFault =>
      new SiteFault({
        where: `${where} line ${String(at + 1)}`,
        what,
        remedy: 'write it as c2sp.org/tlog-policy says',
      });
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(line)) throw wrong('it has control characters');
    const words = line.split(/[ \t]+/).filter((word) => word !== '');
    const [keyword, ...rest] = words;
    if (keyword === undefined || keyword.startsWith('#')) return;
    const define = (name: string | undefined): void => {
      if (name === undefined) throw wrong('a name is missing');
      if (name === 'none' || names.has(name)) throw wrong(`the name ${name} is taken`);
      names.add(name);
    };
    switch (keyword) {
      case 'log': {
        if (rest.length < 1 || rest.length > 2) throw wrong('a log has a key and perhaps a URL');
        const key = readKey(rest[0] ?? '', wrong);
        if (logs.some((known) => Buffer.compare(known.publicKey, key.publicKey) === 0)) {
          throw wrong('this log is listed twice');
        }
        logs.push(key);
        return;
      }
      case 'witness':
        if (rest.length < 2 || rest.length > 3) throw wrong('a witness has a name, a key, a URL');
        define(rest[0]);
        witnesses.push({
          name: rest[0] ?? '',
          verifier: readWitnessKey(rest[1] ?? '', wrong),
          url: rest[2] ?? '',
        });
        return;
      case 'group': {
        const [name, threshold = '', ...parts] = rest;
        const needed =
          threshold === 'any' ? 1 : threshold === 'all' ? parts.length : Number(threshold);
        if (!/^(any|all|[1-9]\d*)$/.test(threshold) || needed < 1 || needed > parts.length) {
          throw wrong('a group has a name, a threshold it can reach, and members');
        }
        for (const part of parts) {
          if (!names.has(part)) throw wrong(`${part} is not defined above`);
          if (members.has(part)) throw wrong(`${part} is a member of a group already`);
          members.add(part);
        }
        define(name);
        groups.set(name ?? '', { needed, of: parts });
        return;
      }
      case 'quorum':
        if (quorum !== undefined) throw wrong('there is a second quorum');
        quorum = rest[0];
        if (quorum === undefined || rest.length > 1) throw wrong('a quorum has one name');
        if (quorum !== 'none' && !names.has(quorum)) throw wrong(`${quorum} is not defined above`);
        return;
      default:
        throw wrong(`"${keyword}" is no word of a policy`);
    }
  });

  if (quorum === undefined) {
    const remedy = 'add "quorum none" where no witness is required';
    throw new SiteFault({ where, what: 'it has no quorum line', remedy });
  }
  if (logs.length === 0) {
    throw new SiteFault({ where, what: 'it names no log', remedy: 'add a line "log <vkey>"' });
  }
  return { logs, witnesses, groups, quorum };
}

function readKey(text: string, wrong: (what: string) => SiteFault): Verifier {
  try {
    return parseVkey(text);
  } catch (error) {
    if (!(error instanceof NotWellFormed)) throw error;
    throw wrong(error.message);
  }
}

/** undefined for a well-formed key of a kind that we cannot check. */
function readWitnessKey(text: string, wrong: (what: string) => SiteFault): Verifier | undefined {
  const match = /^[^+]+\+[0-9a-f]{8}\+(.+)$/.exec(text);
  try {
    if (!match) throw new NotWellFormed('the key is not name+keyid+base64');
    const [kind] = fromBase64(match[1] ?? '', 'the key');
    return kind === KEY_KIND.witness ? parseVkey(text, 'witness') : undefined;
  } catch (error) {
    if (!(error instanceof NotWellFormed)) throw error;
    throw wrong(error.message);
  }
}
