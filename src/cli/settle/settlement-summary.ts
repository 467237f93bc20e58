// A settlement for people: one line per account and what it comes to, then what changed.
import type { LineJson } from '../../publish/settlement-json.ts';

const said = (line: LineJson, name: string): string => {
  const found = line[name];
  return typeof found === 'string' ? found : '';
};

/** Lines for a terminal of 100 columns. */
export function settlementSummary(lines: readonly LineJson[]): readonly string[] {
  const of = (word: string): readonly LineJson[] => lines.filter(({ line }) => line === word);
  const peaks = new Map(of('demand').map((line) => [said(line, 'account'), said(line, 'kw')]));
  const totals = of('total').map((line) => {
    const account = said(line, 'account');
    const amount = said(line, 'amount');
    const peak = peaks.get(account);
    return [
      account.padEnd(24),
      `${said(line, 'kwh').padStart(14)} kWh ± ${Number(said(line, 'u_kwh')).toFixed(3)} (k = ${said(line, 'k')})`,
      peak === undefined ? '' : `peak ${peak} kW`,
      amount === '' ? '' : `${amount} ${said(line, 'currency')}`,
    ]
      .filter((part) => part !== '')
      .join('  ');
  });
  const changes = of('difference').map(
    (line) =>
      `difference ${said(line, 'account')} ${said(line, 'of')} ${said(line, 'meter')} ${said(line, 'bucket')}: ${said(line, 'energy_uj') || '0'} µJ ${said(line, 'amount')}`,
  );
  return [...totals, ...changes];
}
