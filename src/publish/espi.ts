// Settled energy as Green Button (NAESB ESPI 4.0): one Atom feed with a usage point per metering point, its readings in
// blocks of a day, in whole mWh. Byte-stable: identifiers come from names, dates from the data.
import { createHash } from 'node:crypto';
import type { PointId } from '../quantity/quality.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import { formatInstant, type InstantNs, type Interval, NS_PER_S } from '../quantity/time.ts';
import { divideHalfEven } from '../settle/accounts/decimal.ts';
import { espiQuality } from './quality-codes.ts';
import type { LineJson } from './settlement-json.ts';
import { escapeXml } from './xml-text.ts';

/** 1 mWh in µJ. */
const MWH_UJ = 3_600_000n;
const DAY_NS = 86_400n * NS_PER_S;

/** ISO 4217 numbers, which ESPI wants in place of letters. */
const CURRENCY: Readonly<Record<string, number>> = {
  AUD: 36,
  CAD: 124,
  CHF: 756,
  CZK: 203,
  DKK: 208,
  EUR: 978,
  GBP: 826,
  JPY: 392,
  NOK: 578,
  NZD: 554,
  PLN: 985,
  SEK: 752,
  SGD: 702,
  USD: 840,
};

/** UUID of version 8 (RFC 9562) from a name: the same name is the same resource in every export. */
function uuidOf(name: string): string {
  const hex = createHash('sha256').update(`trueup espi ${name}`).digest('hex');
  const variant = ((parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

interface Resource {
  /** Below the feed's self link; its name in the feed. */
  readonly self: string;
  readonly title: string;
  readonly related: readonly string[];
  readonly content: string;
}

function entryXml({ self, title, related, content }: Resource, updated: string): string {
  const up = self.slice(0, self.lastIndexOf('/'));
  const links = [
    `<link rel="self" href="${self}"/>`,
    `<link rel="up" href="${up}"/>`,
    ...related.map((href) => `<link rel="related" href="${href}"/>`),
  ].join('');
  return `<entry><id>${uuidOf(self)}</id>${links}<title>${escapeXml(title)}</title><content>${content}</content><published>${updated}</published><updated>${updated}</updated></entry>\n`;
}

export interface EspiOptions {
  readonly site: string;
  /** Name of the log: whoever wants the uncertainty of a reading asks there. */
  readonly origin: string;
  readonly period: Interval;
  /** Points with a certificate that holds over the period. */
  readonly revenue: ReadonlySet<PointId>;
}

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAMESPACE = 'xmlns="http://naesb.org/espi"';

/** Gathers statements in any order of points, each point's in the order of time, and prints the feed. */
export class EspiFeed {
  readonly #options: EspiOptions;
  readonly #points = new Map<PointId, PointReadings>();
  readonly #summaries: string[] = [];
  readonly #updated: string;

  constructor(options: EspiOptions) {
    this.#options = options;
    this.#updated = formatInstant(options.period.untilNs);
  }

  /** Rows without energy are not exported; formats without a field for it never say 0. */
  add(statement: IntervalStatement): void {
    const { point, energyUj, quality } = statement;
    const code = espiQuality(quality, this.#options.revenue.has(point));
    if (energyUj === undefined || code === undefined) return;
    const readings = this.#points.get(point) ?? new PointReadings(statement.durationNs / NS_PER_S);
    this.#points.set(point, readings);
    readings.add(statement.startNs, divideHalfEven(energyUj, MWH_UJ), code);
  }

  /** What one account has to pay: a virtual usage point with a summary. Lines are those of a settlement. */
  addAccount(account: string, lines: readonly LineJson[]): void {
    const of = (word: string): LineJson | undefined =>
      lines.find((line) => line['line'] === word && line['account'] === account);
    const total = of('total');
    if (total === undefined) return;
    const self = `UsagePoint/account-${account}`;
    const summary = `${self}/UsageSummary/1`;
    this.#summaries.push(
      entryXml(this.#usagePoint(self, account, [`${self}/UsageSummary`], true), this.#updated),
      entryXml(
        {
          self: summary,
          title: `Settled period of ${account}`,
          related: [],
          content: summaryXml(total, of('demand'), this.#options.period),
        },
        this.#updated,
      ),
    );
  }

  print(): string {
    const { site, origin } = this.#options;
    const updated = this.#updated;
    const parts = [
      HEAD,
      `<feed xmlns="http://www.w3.org/2005/Atom"><id>${uuidOf(`${site} ${origin} ${updated}`)}</id>`,
      `<title>Settled energy of ${escapeXml(site)}; uncertainty and proof: log ${escapeXml(origin)}</title>`,
      `<updated>${updated}</updated><link rel="self" href="Batch"/>\n`,
      entryXml(
        {
          self: 'LocalTimeParameters/UTC',
          title: 'UTC',
          related: [],
          content: `<LocalTimeParameters ${NAMESPACE}><dstEndRule>FFFFFFFF</dstEndRule><dstOffset>0</dstOffset><dstStartRule>FFFFFFFF</dstStartRule><tzOffset>0</tzOffset></LocalTimeParameters>`,
        },
        updated,
      ),
      ...[...this.#points].sort(([a], [b]) => (a < b ? -1 : 1)).map((one) => this.#pointXml(one)),
      ...this.#summaries,
      '</feed>\n',
    ];
    return parts.join('');
  }

  #usagePoint(self: string, title: string, related: string[], isVirtual: boolean): Resource {
    return {
      self,
      title,
      related: [...related, 'LocalTimeParameters/UTC'],
      content: `<UsagePoint ${NAMESPACE}><ServiceCategory><kind>0</kind></ServiceCategory><isVirtual>${String(isVirtual)}</isVirtual></UsagePoint>`,
    };
  }

  #pointXml([point, readings]: [PointId, PointReadings]): string {
    const self = `UsagePoint/${point.replace('/', '-')}`;
    const meter = `${self}/MeterReading/1`;
    const type = `ReadingType/${point.replace('/', '-')}`;
    const isVirtual = !/^(feed|outlet)\//.test(point);
    const resources: Resource[] = [
      this.#usagePoint(self, point, [`${self}/MeterReading`], isVirtual),
      {
        self: meter,
        title: point,
        related: [`${meter}/IntervalBlock`, type],
        content: `<MeterReading ${NAMESPACE}/>`,
      },
      { self: type, title: 'Energy in mWh', related: [], content: readings.typeXml() },
      ...readings.blocks().map(({ name, content }) => ({
        self: `${meter}/IntervalBlock/${name}`,
        title: '',
        related: [],
        content,
      })),
    ];
    return resources.map((resource) => entryXml(resource, this.#updated)).join('');
  }
}

class PointReadings {
  readonly #durationS: bigint;
  /** Readings as XML, by day. */
  readonly #days = new Map<bigint, { fromS: bigint; untilS: bigint; xml: string[] }>();

  constructor(durationS: bigint) {
    this.#durationS = durationS;
  }

  add(startNs: InstantNs, energyMwh: bigint, qualityCode: number): void {
    const startS = startNs / NS_PER_S;
    const untilS = startS + this.#durationS;
    const dayNs = startNs / DAY_NS;
    const day = this.#days.get(dayNs) ?? { fromS: startS, untilS, xml: [] };
    this.#days.set(dayNs, day);
    day.untilS = untilS;
    day.xml.push(
      `<IntervalReading><ReadingQuality><quality>${String(qualityCode)}</quality></ReadingQuality><timePeriod><duration>${this.#durationS.toString()}</duration><start>${startS.toString()}</start></timePeriod><value>${energyMwh.toString()}</value></IntervalReading>`,
    );
  }

  /** Delta energy of electricity, forward, mWh: FB_04 and FB_05 of the certification. */
  typeXml(): string {
    const length = this.#durationS.toString();
    return `<ReadingType ${NAMESPACE}><accumulationBehaviour>4</accumulationBehaviour><commodity>1</commodity><dataQualifier>12</dataQualifier><flowDirection>1</flowDirection><intervalLength>${length}</intervalLength><kind>12</kind><phase>769</phase><powerOfTenMultiplier>-3</powerOfTenMultiplier><timeAttribute>0</timeAttribute><uom>72</uom></ReadingType>`;
  }

  blocks(): readonly { name: string; content: string }[] {
    return [...this.#days.values()].map(({ fromS, untilS, xml }) => ({
      name: fromS.toString(),
      content: `<IntervalBlock ${NAMESPACE}><interval><duration>${(untilS - fromS).toString()}</duration><start>${fromS.toString()}</start></interval>${xml.join('')}</IntervalBlock>`,
    }));
  }
}

const textIn = (line: LineJson | undefined, name: string): string => {
  const found = line?.[name];
  return typeof found === 'string' ? found : '0';
};

/** Money of a bill is in thousandths of the currency (ESPI billLastPeriod). */
const thousandths = (amount: string): string => {
  const [whole = '0', fraction = ''] = amount.split('.');
  return BigInt(`${whole}${fraction.padEnd(3, '0').slice(0, 3)}`).toString();
};

function summaryXml(total: LineJson, demand: LineJson | undefined, period: Interval): string {
  const fromS = period.fromNs / NS_PER_S;
  const untilS = period.untilNs / NS_PER_S;
  const span = `<duration>${(untilS - fromS).toString()}</duration><start>${fromS.toString()}</start>`;
  const currency = CURRENCY[textIn(total, 'currency')];
  const bill =
    currency === undefined
      ? ''
      : `<billLastPeriod>${thousandths(textIn(total, 'amount'))}</billLastPeriod><costAdditionalLastPeriod>0</costAdditionalLastPeriod><currency>${String(currency)}</currency>`;
  const energy = divideHalfEven(BigInt(textIn(total, 'energy_uj')), MWH_UJ * 1000n);
  const milliwatts = BigInt(Math.round(Number(textIn(demand, 'power_w')) * 1000));
  const peak =
    demand === undefined
      ? ''
      : `<peakDemand><powerOfTenMultiplier>-3</powerOfTenMultiplier><uom>38</uom><value>${milliwatts.toString()}</value></peakDemand>`;
  return `<UsageSummary ${NAMESPACE}><billingPeriod>${span}</billingPeriod>${bill}<overallConsumptionLastPeriod><powerOfTenMultiplier>0</powerOfTenMultiplier><uom>72</uom><value>${energy.toString()}</value></overallConsumptionLastPeriod>${peak}<statusTimeStamp>${untilS.toString()}</statusTimeStamp><commodity>1</commodity></UsageSummary>`;
}
