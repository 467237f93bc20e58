// Register readings at interval edges as OCMF fiscal records: one signed line per edge, which Transparenzsoftware, openssl
// and others verify. ASCII only, version 1.0, nothing left out that repeats: the traps of readers in the field.
import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import type { LeafIndex } from '../ledger/ledger.ts';
import { SiteFault } from '../quantity/fault.ts';
import { formatKwh } from '../quantity/format.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import { formatInstant, later, type InstantNs } from '../quantity/time.ts';

/** Active energy import, in total (IEC 62056-61), as OCMF writes it. */
const OBIS = '01-00:01.08.00*FF';

export interface OcmfSigner {
  readonly key: KeyObject;
  /** SubjectPublicKeyInfo, hex: how OCMF readers take keys. */
  readonly publicKeyHex: string;
}

/** A PEM key on P-256. Throws SiteFault. */
export function ocmfSigner(pem: string, where: string): OcmfSigner {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw wrongKey(where, cause);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw wrongKey(where);
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { key, publicKeyHex: spki.toString('hex') };
}

const wrongKey = (where: string, cause?: unknown): SiteFault =>
  new SiteFault(
    {
      where,
      what: 'it is no private key on P-256',
      remedy: 'make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out FILE',
    },
    { cause },
  );

/** `2026-11-01T00:15:00,000+0000`, and whether the clock that stamped the readings was synchronised. */
function stampOf(atNs: InstantNs, isSynchronised: boolean): string {
  const [whole = '', fraction = ''] = formatInstant(atNs).slice(0, -1).split('.');
  return `${whole},${fraction.padEnd(3, '0').slice(0, 3)}+0000 ${isSynchronised ? 'S' : 'U'}`;
}

export interface OcmfOptions {
  readonly origin: string;
  readonly signer: OcmfSigner;
}

/**
 * The record of the edge behind an interval, or undefined where the statement is of no single meter. An edge that is not
 * known has EF `E` and ST `N`; one that was estimated ST `S`: neither can be billed. Its number is that of the interval since
 * 1970, so pagination goes on by one from export to export.
 */
export function ocmfRecord(
  statement: IntervalStatement,
  leaf: LeafIndex,
  { origin, signer }: OcmfOptions,
): string | undefined {
  if (statement.kind !== 'metered' || statement.point.startsWith('node/')) return undefined;
  const edge = statement.anchors.find((anchors) => anchors.edge === 'until');
  const { quality } = statement;
  const isKnown = statement.energyUj !== undefined && edge !== undefined;
  const isMeasured = quality === 'actual' || quality === 'verified';
  const untilNs = later(statement.startNs, statement.durationNs);
  const number = untilNs / statement.durationNs;
  const payload = JSON.stringify({
    FV: '1.0',
    GI: ascii(origin),
    GS: ascii(statement.point),
    GV: ascii(statement.core),
    PG: `F${number.toString()}`,
    MS: ascii(edge?.source ?? statement.point),
    IS: false,
    IT: 'NONE',
    RD: [
      {
        TM: stampOf(untilNs, !statement.flags.includes('clock-not-synchronised')),
        // Digits must not be rewritten, so the number is put in behind.
        RV: '@RV',
        RI: OBIS,
        RU: 'kWh',
        RT: 'AC',
        EF: isKnown ? '' : 'E',
        ST: isKnown ? (isMeasured ? 'G' : 'S') : 'N',
      },
    ],
    // Vendor space: where the statement with its uncertainty is.
    ULeaf: leaf,
  }).replace('"@RV"', isKnown ? formatKwh(edge.energyUj) : '0');
  const signature = sign('sha256', Buffer.from(payload, 'ascii'), signer.key).toString('hex');
  return `OCMF|${payload}|${JSON.stringify({ SA: 'ECDSA-secp256r1-SHA256', SD: signature })}\n`;
}

/** Readers take the payload in the character set of their platform, and split at bars. */
const ascii = (text: string): string => text.replaceAll(/[^\x20-\x7e]|\|/g, '?');
