// Asks the witnesses of a policy to cosign the newest checkpoint of a log, and keeps what they signed beside the log.
import {
  assertCosigned,
  LedgerDamage,
  type LedgerReader,
  type Policy,
  type PolicyWitness,
  writeWitnessed,
} from '../../ledger/index.ts';

/** Longest time that one witness may take. */
const PATIENCE_MS = 10_000;

export interface WitnessReply {
  readonly name: string;
  /** Empty where it cosigned. */
  readonly trouble: string;
}

/**
 * Asks everybody that the policy gives a URL for, and stores the checkpoint with what came; nothing is stored where nobody
 * cosigned. A witness that cannot be reached is told, not thrown.
 * Throws LedgerDamage where a witness has seen more of this log, or another one of its name.
 */
export async function askWitnesses(
  dataDir: string,
  ledger: LedgerReader,
  policy: Policy,
): Promise<readonly WitnessReply[]> {
  const replies: WitnessReply[] = [];
  let lines = '';
  for (const witness of policy.witnesses) {
    if (witness.url === '') continue;
    const { line, trouble } = await ask(ledger, witness);
    lines += line;
    replies.push({ name: witness.name, trouble });
  }
  if (lines !== '') {
    const bytes = Buffer.concat([ledger.checkpoint, Buffer.from(lines, 'utf8')]);
    await writeWitnessed(dataDir, bytes);
  }
  return replies;
}

async function ask(
  ledger: LedgerReader,
  witness: PolicyWitness,
): Promise<{ line: string; trouble: string }> {
  const { verifier, name } = witness;
  if (verifier === undefined) return { line: '', trouble: 'its key is of a kind we cannot check' };
  // Nobody remembers for a witness what it has seen: asking with 0 first tells it.
  let oldSize = 0;
  for (let attempt = 0; attempt < 2; attempt++) {
    let reply: Response;
    let text: string;
    try {
      reply = await fetch(`${witness.url.replace(/\/$/, '')}/add-checkpoint`, {
        method: 'POST',
        body: `old ${String(oldSize)}\n${await ledger.proveSince(oldSize)}\n${Buffer.from(ledger.checkpoint).toString('utf8')}`,
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      text = await reply.text();
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return { line: '', trouble: cause instanceof Error ? cause.message : String(cause) };
    }
    if (reply.status === 200) {
      return { line: assertCosigned(ledger.checkpoint, text, verifier), trouble: '' };
    }
    if (reply.status === 422) {
      const what = `the witness ${name} has seen another log: ${text.trim()}`;
      throw new LedgerDamage('ledger.forked', ledger.origin, what);
    }
    const [, sizeText] = /^(\d{1,16})\n$/.exec(text) ?? [];
    if (reply.status !== 409 || sizeText === undefined) {
      return { line: '', trouble: `${String(reply.status)} ${text.trim().slice(0, 200)}` };
    }
    oldSize = Number(sizeText);
    if (oldSize > ledger.size) {
      const what = `it has ${String(ledger.size)} leaves; the witness ${name} has seen ${sizeText}`;
      throw new LedgerDamage('ledger.rolled-back', ledger.origin, what);
    }
  }
  return { line: '', trouble: 'somebody else asks it at the same time; ask again' };
}
