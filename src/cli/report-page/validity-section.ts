// Where the model holds, and what ends that: the power, the dates, the configuration of the node.
import { formatInstant } from '../../quantity/time.ts';
import { duration, watts } from './figure-text.ts';
import { html, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { facts, section } from './tables.ts';

export function validitySection({ model }: ReportSubject): Markup {
  const until = formatInstant(model.evidence.untilNs).slice(0, 19).replace('T', ' ');
  return section('Where it holds', [
    facts([
      [
        'chip power',
        `${watts(model.holds.fromW)} to ${watts(model.holds.untilW)}; beyond, U widens, and farther out it refuses`,
      ],
      ['from', `${until} UTC, the end of its evidence`],
      ['last checked against a meter', `${until} UTC`],
      ['spans', `from ${duration(model.intervalS)} up`],
      ['expires', undefined],
      ['configuration of the node', undefined],
    ]),
    html`<p class="note">
      The level of a node moves with fans, inlet air, supplies and firmware. Meter it again after a
      change of any of these, and from time to time without one.
    </p>`,
  ]);
}
