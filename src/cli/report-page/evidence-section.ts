// What the model was learned from: when, how much, with which meter, under which loads.
import { formatInstant } from '../../quantity/time.ts';
import { counted, decimal, duration, kilowattHours, several, unit, watts } from './figure-text.ts';
import { html, shortened, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { facts, section } from './tables.ts';

const NAMES_COUNT_MAX = 40;

export function evidenceSection({ model, figures }: ReportSubject): Markup {
  const evidence = figures?.evidence;
  const { detail } = model;
  const day = (text: string): string => `${text.slice(0, 19).replace('T', ' ')} UTC`;
  const classPercent = figures?.provenance?.meterClassPercent;
  return section('Evidence', [
    facts([
      [
        'period',
        `${day(formatInstant(model.evidence.fromNs))} to ${day(formatInstant(model.evidence.untilNs))}`,
      ],
      [
        'metered together',
        evidence &&
          `${duration(evidence.coveredS)} on ${several(evidence.daysCount, 'day')}, ${kilowattHours(evidence.meterEnergyJ)} at the wall`,
      ],
      [
        'intervals',
        `${counted(model.evidence.intervalsCount)} of ${unit(decimal(model.intervalS, 1), 's')}`,
      ],
      [
        'runs',
        evidence &&
          (evidence.nodesCount > 1
            ? `${counted(evidence.runsCount)} on ${several(evidence.nodesCount, 'node')}`
            : counted(evidence.runsCount)),
      ],
      [
        'mean power',
        evidence &&
          `${watts(evidence.meanMeterW)} at the wall, ${watts(evidence.meanChipW)} at the chips`,
      ],
      [
        'reference meter',
        detail && detail.meterSources.length > 0
          ? names(detail.meterSources, detail.meterSources.length)
          : undefined,
      ],
      [
        'meter class',
        classPercent === undefined
          ? figures
            ? 'not stated: U is relative to this meter'
            : undefined
          : `± ${unit(decimal(classPercent, classPercent < 1 ? 2 : 1), '%')} limit of error, as stated at the fit`,
      ],
      [
        'chip counters',
        names(
          model.terms.flatMap((term) => term.sources),
          model.terms.flatMap((term) => term.sources).length,
        ),
      ],
      ['stamps of the chips', detail && stampText(detail.chipStamp, detail.chipWindowS)],
      [
        'applications',
        evidence &&
          (evidence.applicationsCount === 0
            ? 'none is named in the evidence'
            : names(evidence.applications, evidence.applicationsCount)),
      ],
    ]),
    ...notesOf(model.notes ?? []),
  ]);
}

function names(list: readonly string[], count: number): Markup {
  const shown = list.slice(0, NAMES_COUNT_MAX).map((name) => shortened(name, 60));
  const more = count - shown.length;
  return html`${shown.join(', ')}${more > 0 ? ` and ${counted(more)} more` : ''}`;
}

const stampText = (stamp: string, windowS: number | undefined): string =>
  windowS === undefined
    ? `name the ${stamp} of their window`
    : `name the ${stamp} of their window of ${unit(decimal(windowS, 2), 's')}`;

/** What was found against the evidence and mended by leaving it out. */
const notesOf = (notes: readonly string[]): readonly Markup[] =>
  notes.length === 0
    ? []
    : [
        html`<p><b>Set aside.</b></p>`,
        html`<ul class="open">
          ${notes.slice(0, NAMES_COUNT_MAX).map((note) => html`<li>${note}</li>`)}
        </ul>`,
      ];
