// The gates of a model as rows of a table, passed and open alike. What is open is in the model in words, each beginning
// with its gate and ending with what to do; what was found and what is asked stands beside.
import { ASHRAE_PERCENT, GATE_LIMITS } from '../../calibrate/knowledge/gate-table.ts';
import type { CorrectionModel, LeftOut } from '../../quantity/correction.ts';
import { counted, duration, percent, signedPercent, spanName, unit } from './figure-text.ts';

export interface GateRow {
  readonly gate: string;
  /** Undefined where the model does not say it. */
  readonly found: string | undefined;
  readonly asked: string;
  readonly passed: boolean;
  readonly remedy: string;
}

interface Gate {
  readonly gate: string;
  /** How the words of an open gate begin. */
  readonly opens: readonly string[];
  readonly asked: string;
  readonly found: (model: CorrectionModel, coveredS: number | undefined) => string | undefined;
}

const AUDIT = 'audit: ';
const within = (limitPercent: number): string => `within ± ${unit(String(limitPercent), '%')}`;

const GATES: readonly Gate[] = [
  {
    gate: 'time with both instruments',
    opens: ['evidence:'],
    asked: `at least ${duration(GATE_LIMITS.evidence.limit)}`,
    found: (_, coveredS) => (coveredS === undefined ? undefined : duration(coveredS)),
  },
  {
    gate: 'clocks aligned',
    opens: ['alignment:'],
    asked: 'a load edge that shows the offset',
    found: ({ detail, open }) =>
      detail &&
      (open.some((words) => words.startsWith('alignment:'))
        ? 'no edge shows it'
        : `offset known to ± ${unit((2 * detail.offsetUncertaintyS).toFixed(2), 's')}`),
  },
  {
    gate: 'energy of what was held back',
    opens: ['held-back energy:', 'held-back check:'],
    asked: within(GATE_LIMITS.nmbe.limit),
    found: ({ detail }) => detail?.heldBack && signedPercent(detail.heldBack.biasRatio),
  },
  {
    gate: 'scatter of what was held back',
    opens: ['held-back blocks', 'held-back check:'],
    asked: `at most ${unit(String(GATE_LIMITS.cv.limit), '%')} RMS`,
    found: ({ detail }) =>
      detail?.heldBack &&
      `${percent(detail.heldBack.cvRatio)} RMS in blocks of ${spanName(detail.heldBack.blockS)}`,
  },
  {
    gate: 'applications left out in turn, for use at all',
    opens: ['applications:'],
    asked: `RMS at most ${unit(String(ASHRAE_PERCENT.monthlyNmbe), '%')}`,
    found: ({ detail }) => detail && rootOf(detail.leftOut.byApplication),
  },
  {
    gate: 'applications left out in turn, for audit',
    opens: [`${AUDIT}an application`, `${AUDIT}0 of`, `${AUDIT}1 of`, `${AUDIT}2 of`],
    asked: `${counted(GATE_LIMITS.applications.limit)} or more, each ${within(GATE_LIMITS.nmbe.limit)}`,
    found: ({ detail }) => detail && worstOf(detail.leftOut.byApplication),
  },
  {
    gate: 'days left out in turn, for audit',
    opens: [`${AUDIT}a day`],
    asked: `each ${within(GATE_LIMITS.nmbe.limit)}, where there are three`,
    found: ({ detail }) => detail && worstOf(detail.leftOut.byDay),
  },
];

/** All gates in their order, then what else keeps the model from more. */
export function gateRows(model: CorrectionModel, coveredS: number | undefined): GateRow[] {
  const told = new Set<string>();
  const rows = GATES.map(({ gate, opens, asked, found }): GateRow => {
    const words = model.open.find((each) => opens.some((start) => each.startsWith(start)));
    if (words !== undefined) told.add(words);
    return {
      gate,
      found: found(model, coveredS),
      asked,
      passed: words === undefined,
      remedy: words === undefined ? '' : remedyOf(words),
    };
  });
  const others = model.open.filter((words) => !told.has(words)).slice(0, 50);
  return [
    ...rows,
    ...others.map((words): GateRow => {
      const [what = '', ...todo] = words.split('; ');
      return { gate: what, found: '', asked: '', passed: false, remedy: todo.join('; ') };
    }),
  ];
}

/** Behind the first semicolon stands what to do; before it, what was found. */
const remedyOf = (words: string): string => words.split('; ').slice(1).join('; ') || words;

function worstOf(folds: readonly LeftOut[]): string {
  if (folds.length === 0) return 'fewer than three in the evidence';
  const worst = folds.reduce((most, each) =>
    Math.abs(each.biasRatio) > Math.abs(most.biasRatio) ? each : most,
  );
  return `${counted(folds.length)}, worst ${worst.name.slice(0, 60)} ${signedPercent(worst.biasRatio)}`;
}

function rootOf(folds: readonly LeftOut[]): string {
  if (folds.length === 0) return 'fewer than three in the evidence';
  const squares = folds.reduce((sum, each) => sum + each.biasRatio ** 2, 0);
  return `${percent(Math.sqrt(squares / folds.length))} RMS of ${counted(folds.length)}`;
}
