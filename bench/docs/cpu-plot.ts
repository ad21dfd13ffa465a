import { amount } from '../amounts.js';
import { distinct } from '../print.js';
import type { Row } from '../row.js';
import { type Bar, barsPlot } from './bars-plot.js';

const PARTIES = [
  { party: 'client', name: 'client', colour: 7 },
  { party: 'service', name: 'service', colour: 0 },
  { party: 'database', name: 'database', colour: 2 },
] as const;

/** Who of client, service and database takes the CPU; shares, since an append and a cold command are far apart. */
export function cpuPlot(rows: readonly Row[]): string | undefined {
  const bars = distinct(rows).flatMap((row) => barOf(row) ?? []);
  return barsPlot({
    title: 'CPU by client, service and database',
    description: bars.map(({ lead, name, text }) => `${lead}, ${name}: ${text}.`).join(' '),
    legend: PARTIES,
    groups: bars.length > 0 ? [{ bars }] : [],
  });
}

function barOf({ cpu, id, unit, what }: Row): Bar | undefined {
  const microseconds = cpu?.microseconds;
  if (!microseconds) return undefined;
  const total = PARTIES.reduce((sum, { party }) => sum + (microseconds[party] ?? 0), 0);
  const thing = unit.endsWith('/s') ? unit.slice(0, -3) : 'call';
  return {
    lead: id,
    name: what,
    parts: PARTIES.map(({ colour, party }) => ({ colour, share: (microseconds[party] ?? 0) / total })),
    text: `${amount(total)} µs per ${thing}`,
  };
}
