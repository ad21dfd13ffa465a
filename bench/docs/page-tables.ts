import { amount, between, reaches, targetOf } from '../amounts.js';
import type { Percentiles } from '../latency.js';
import { distinct } from '../print.js';
import type { Cpu, Row } from '../row.js';
import { tableOf } from './markdown.js';

export function ratioTable(rows: readonly Row[]): string {
  const numbers = new Set(['rate or time', 'rate or time ', 'ratio']);
  return tableOf(
    [
      '',
      'ours',
      'rate or time',
      'floor or peer',
      'rate or time ',
      'ratio',
      'of the rounds',
      'target',
      'reached',
    ],
    rows.map((row) => {
      const { betweenFloors, floor, id, ours, ratio, rounds, spread, unit, what } = row;
      const reached = reaches(row);
      return [
        id,
        betweenFloors ? `*${what}*` : what,
        `${amount(ours)} ${unit}`,
        floor.what,
        `${amount(floor.value)} ${unit}`,
        `**${ratio.toFixed(2)}**`,
        `${between(spread)} (${rounds})`,
        targetOf(row),
        reached === undefined ? '' : reached ? 'yes' : 'no',
      ];
    }),
    numbers,
  );
}

export function latencyTable(rows: readonly Row[]): string {
  const line = (id: string, what: string, { count, max, mean, p50, p90, p99, p999 }: Percentiles) => [
    id,
    what,
    count.toLocaleString('en'),
    ...[mean, p50, p90, p99, p999, max].map((value) => value.toFixed(2)),
  ];
  const lines = distinct(rows).flatMap(({ floor, id, latency, what }) => [
    ...(latency ? [line(id, what, latency)] : []),
    ...(floor.latencies ?? []).map((one) => line(id, `*${one.what}*`, one)),
  ]);
  const head = ['', 'calls', 'number', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max'];
  // Rows may share a floor.
  return tableOf(
    head,
    [...new Map(lines.map((cells) => [cells.join(), cells])).values()],
    new Set(head.slice(2)),
  );
}

export function costTable(rows: readonly Row[]): string {
  const head = [
    '',
    'for each event, call or command',
    'client µs',
    'service µs',
    'database µs',
    'cores',
    'service MiB',
    'database MiB',
  ];
  const line = (
    id: string,
    what: string,
    { microseconds, seconds, wallSeconds }: Cpu,
    memory: Row['memory'],
  ) => [
    id,
    what,
    ...(['client', 'service', 'database'] as const).map((party) => {
      const value = microseconds?.[party];
      return value === undefined ? '' : amount(value);
    }),
    (Object.values(seconds).reduce((sum, one) => sum + one, 0) / wallSeconds).toFixed(2),
    memory?.service === undefined ? '' : String(memory.service),
    memory?.database === undefined ? '' : String(memory.database),
  ];
  const lines = rows.flatMap(({ cpu, floor, id, memory, what }) => [
    ...(cpu ? [line(id, what, cpu, memory)] : []),
    ...(floor.cpu ? [line(id, `*${floor.what}*`, floor.cpu, undefined)] : []),
  ]);
  return tableOf(
    head,
    [...new Map(lines.map((cells) => [cells.join(), cells])).values()],
    new Set(head.slice(2)),
  );
}

/**
 * What stands between a rate and its target: the ratio that it would have if no core ever waited, and if the busiest of
 * the three, which work on one core each, never did. To get past these something must cost less.
 */
export function limitTable(rows: readonly Row[], cores: number): string {
  const head = ['', 'what misses its target', 'ratio', 'no core waits', 'the busiest never waits', 'target'];
  const lines = rows.flatMap(({ cpu, direction, floor, id, ratio, target, unit, what }) => {
    const costs = Object.values(cpu?.microseconds ?? {});
    if (target === undefined || direction === 'AT_MOST' || ratio >= target) return [];
    if (costs.length === 0 || !unit.endsWith('/s')) return [];
    const sum = costs.reduce((all, one) => all + one, 0);
    const at = (perSecond: number) => (perSecond / floor.value).toFixed(2);
    return [
      [id, what, ratio.toFixed(2), at((cores * 1e6) / sum), at(1e6 / Math.max(...costs)), String(target)],
    ];
  });
  return lines.length === 0 ? '' : tableOf(head, lines, new Set(head.slice(2)));
}
