// Settled statements over HTTP: exact, in bounded pages, and only for questions that make sense.
import { describe, expect, test } from 'vitest';
import type { StoredStatement } from '../../src/ledger/ledger.ts';
import type { IntervalStatement } from '../../src/quantity/statement.ts';
import { fromSeconds, instantNs, later } from '../../src/quantity/time.ts';
import { joules, microjoules, watts } from '../../src/quantity/units.ts';
import { ErrorSchema, IntervalsSchema } from '../../src/serve/api-schemas.ts';
import { intervalPage } from '../../src/serve/intervals.ts';
import { appOf, jsonOf } from './test-app.ts';

const START = instantNs(1_769_853_600_000_000_000n);

function statementAt(index: number, part: Partial<IntervalStatement> = {}): StoredStatement {
  return {
    leaf: index,
    sha256: 'ab'.repeat(32),
    statement: {
      point: 'feed/a7',
      kind: 'metered',
      startNs: later(START, fromSeconds(index * 60)),
      durationNs: fromSeconds(60),
      energyUj: microjoules(96_312_000_001n),
      uncertainty: {
        systematicJ: joules(300),
        independentJ: joules(0),
        edgeJ: joules(400),
        dof: Infinity,
      },
      quality: 'actual',
      method: 'register',
      tier: 1,
      version: 1,
      supersedes: '',
      powerMeanW: watts(1605.2),
      powerMaxW: undefined,
      because: undefined,
      coveredNs: fromSeconds(60),
      anchors: [
        {
          source: 'm1',
          edge: 'from',
          energyUj: microjoules(9_007_199_254_741_000n),
          before: { atNs: START, energyUj: microjoules(9_007_199_254_740_993n) },
          after: {
            atNs: later(START, fromSeconds(1)),
            energyUj: microjoules(9_007_199_264_740_993n),
          },
        },
      ],
      flags: ['refresh-unknown'],
      model: '',
      core: '1+abc',
      ...part,
    },
  };
}

const statementsOf = (rows: readonly StoredStatement[]) => ({
  between: (fromNs: bigint, untilNs: bigint) =>
    rows.filter(({ statement }) => statement.startNs >= fromNs && statement.startNs < untilNs),
});

const ask = (query: Record<string, string>) => ({ url: '/v1/intervals', query });

describe('/v1/intervals', () => {
  const span = { from: '2026-01-31T10:00:00Z', until: '2026-01-31T12:00:00+00:00' };
  test('says each statement with exact energy, its uncertainty and its anchors', async () => {
    const missing = statementAt(1, {
      energyUj: undefined,
      quality: 'missing',
      because: 'settle.missing',
      powerMeanW: undefined,
    });
    const app = appOf({ statements: statementsOf([statementAt(0), missing]) });
    const answer = await app.inject(ask(span));
    const body = jsonOf(IntervalsSchema, answer.body);
    const [first, second] = body.intervals;
    expect(first).toMatchObject({
      point: 'feed/a7',
      start: '2026-01-31T10:00:00Z',
      energy_uj: '96312000001',
      energy_kwh: '0.026753333334',
      leaf: 0,
    });
    expect(first?.u_kwh).toBeCloseTo(1000 / 3.6e6, 12);
    expect(first?.anchors[0]?.before.energy_uj).toBe('9007199254740993');
    expect(second?.because?.code).toBe('settle.missing');
    for (const name of ['energy_uj', 'energy_kwh', 'u_kwh', 'power_mean_w']) {
      expect(second).not.toHaveProperty(name);
    }
    expect(body).not.toHaveProperty('next');
  });

  test('narrows to a point and a kind', async () => {
    const rows = [
      statementAt(0),
      statementAt(0, { kind: 'corrected', point: 'node/gpu-01' }),
      statementAt(0, { point: 'feed/b7' }),
    ];
    const app = appOf({ statements: statementsOf(rows) });
    const byPoint = await app.inject(ask({ ...span, point: 'feed/b7' }));
    expect(jsonOf(IntervalsSchema, byPoint.body).intervals).toHaveLength(1);
    const byKind = await app.inject(ask({ ...span, kind: 'corrected' }));
    expect(jsonOf(IntervalsSchema, byKind.body).intervals[0]?.point).toBe('node/gpu-01');
  });

  test('pages lead through everything once, never splitting a start', () => {
    const points = ['feed/a', 'feed/b', 'feed/c'] as const;
    const rows = Array.from({ length: 8000 }, (_, index) =>
      points.map((point) => statementAt(index, { point })),
    ).flat();
    const met: string[] = [];
    let fromNs = START;
    let pagesCount = 0;
    for (;;) {
      const question = {
        fromNs,
        untilNs: later(START, fromSeconds(28 * 86_400)),
        point: undefined,
        kind: undefined,
      };
      const page = intervalPage(statementsOf(rows), question);
      pagesCount += 1;
      met.push(...page.rows.map(({ leaf, statement }) => `${statement.point} ${leaf}`));
      if (page.nextNs === undefined) break;
      expect(page.nextNs).toBeGreaterThan(fromNs);
      fromNs = page.nextNs;
    }
    expect(pagesCount).toBe(3);
    expect(met).toHaveLength(24_000);
    expect(new Set(met).size).toBe(24_000);
  });

  test('a page that is not the last says where the next one begins', async () => {
    const rows = Array.from({ length: 10_001 }, (_, index) => statementAt(index));
    const app = appOf({ statements: statementsOf(rows) });
    const answer = await app.inject(ask({ from: span.from, until: '2026-02-28T10:00:00Z' }));
    expect(answer.body).toMatch(/"next":"2026-02-07T08:40:00Z"\}$/);
  });

  test.each([
    ['no from', { until: span.until }],
    ['no zone', { from: '2026-01-31T10:00:00', until: span.until }],
    ['no instant', { from: 'yesterday', until: span.until }],
    ['backwards', { from: span.until, until: span.from }],
    ['a century', { from: '1926-01-31T10:00:00Z', until: span.until }],
    ['no point', { ...span, point: '../../etc/passwd' }],
    ['no kind', { ...span, kind: 'guessed' }],
    ['an unknown parameter', { ...span, limit: '1000000000' }],
    ['too long', { ...span, point: `feed/${'a'.repeat(500)}` }],
  ])('%s is a 400 that says why', async (_name, query) => {
    const answer = await appOf({ statements: statementsOf([]) }).inject(ask(query));
    expect(answer.statusCode).toBe(400);
    const said = jsonOf(ErrorSchema, answer.body);
    expect(said.error).not.toBe('');
    expect(said.remedy).not.toBe('');
  });

  test('404 without a ledger', async () => {
    expect((await appOf().inject(ask(span))).statusCode).toBe(404);
  });
});
