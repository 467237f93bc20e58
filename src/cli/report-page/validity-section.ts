// Where the model holds, and what ends that: the power, the time since a meter was looked at, the configuration of the node.
import { validUntilNs } from '../../calibrate/life/model-life.ts';
import type { ConfigFingerprint } from '../../quantity/config-fingerprint.ts';
import type { ModelLife } from '../../quantity/correction.ts';
import { formatInstant, type InstantNs } from '../../quantity/time.ts';
import { counted, duration, watts } from './figure-text.ts';
import { html, shortened, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { facts, section } from './tables.ts';

const PARTS_COUNT_MAX = 40;

export function validitySection({ model }: ReportSubject): Markup {
  const { life } = model;
  return section('Where it holds', [
    facts([
      [
        'chip power',
        `${watts(model.holds.fromW)} to ${watts(model.holds.untilW)}; beyond, U widens, and farther out it refuses`,
      ],
      ['spans', `from ${duration(model.intervalS)} up`],
      ['for what comes after', dateOf(life?.sinceNs ?? model.evidence.untilNs)],
      ['last checked against a meter', dateOf(life?.checkedNs ?? model.evidence.untilNs)],
      [
        'as good as it says until',
        `${dateOf(validUntilNs(model))}, if nobody looks at a meter again; then provisional, and refused after twice that time`,
      ],
      ['this version', life && versionText(life)],
      ['configuration of the node', life && configText(life.config)],
      ...(model.shared
        ? [
            [
              'shared meters',
              `fitted together with ${counted(model.shared.nodes.length)} nodes behind the same meters`,
            ] as const,
          ]
        : []),
    ]),
    html`<p class="note">
      The level of a node moves with fans, inlet air, supplies and firmware. Meter it again after a
      change of any of these, and from time to time without one.
    </p>`,
  ]);
}

const dateOf = (atNs: InstantNs): string =>
  `${formatInstant(atNs).slice(0, 19).replace('T', ' ')} UTC`;

const versionText = (life: ModelLife): string =>
  life.supersedes === ''
    ? `the first of its life (${life.because})`
    : `supersedes ${shortened(life.supersedes, 40)} (${life.because})`;

/** Its known parts; what nobody said is not a part of the fingerprint. */
function configText(config: ConfigFingerprint): Markup | undefined {
  const parts = [
    ...(config.driver === undefined ? [] : [`driver ${config.driver}`]),
    ...(config.bios === undefined ? [] : [`BIOS ${config.bios}`]),
    ...(config.supplyCount === undefined ? [] : [`${counted(config.supplyCount)} supplies`]),
    ...[...config.powerLimitsW].map(([source, limitW]) => `${source} limited to ${watts(limitW)}`),
    ...(config.chips.length > 0 ? [`${counted(config.chips.length)} chip sources`] : []),
  ];
  if (parts.length === 0) return undefined;
  const shown = parts.slice(0, PARTS_COUNT_MAX).map((part) => shortened(part, 80));
  return html`${shown.join(', ')}`;
}
