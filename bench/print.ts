import Table from 'cli-table3';
import { amount, between, targetOf } from './amounts.js';
import type { Result } from './result.js';
import type { Measurement, Row } from './row.js';
import { isAboutPeers } from './selected.js';

/** The result for people, beside an earlier one where there is one. */
export function resultAsText(result: Result, before?: Result): string {
  const { machine, postgres, mode, rows, service, seconds } = result;
  const settings = Object.entries(postgres.settings).map(([name, value]) => `${name}=${value}`);
  const lines = [
    `${machine.cores} cores (${machine.processor}), ${(machine.memoryMiB / 1024).toFixed(1)} GiB, ${machine.system}, ` +
      `Node ${machine.node}; ${togetherOf(machine)}flushing 8 KiB takes ${machine.flushMilliseconds} ms`,
    `Postgres ${postgres.version}: ${settings.join(', ')}`,
    `Medians of the rounds in which ours and the floors took turns${mode === 'quick' ? ', quick' : ''}; ` +
      `${Math.round(seconds)} s`,
    comparisons(rows, before),
  ];
  const ours = distinct(rows);
  if (ours.some(({ latency }) => latency)) lines.push('Our calls in milliseconds', latencies(ours));
  if (ours.some(({ cpu }) => cpu))
    lines.push('Our CPU, in microseconds for each event, call or command, and memory at most', costs(ours));
  if (service)
    lines.push(
      `The service's process over all rows: ${service.peakMiB} MiB at most, ${service.cpuSeconds.toFixed(1)} s of CPU`,
    );
  if (machine.loadBefore > machine.cores / 2)
    lines.push(
      `The machine was busy before (load ${machine.loadBefore}): spread and absolute numbers suffer`,
    );
  if (!rows.some(({ id }) => isAboutPeers(id)))
    lines.push('Other event stores beside ours: npm run bench -- --peers (see bench/peers/README.md)');
  lines.push(
    ...result.notes,
    ...result.failures.map(({ id, error }) => `${id} could not be measured: ${error}`),
  );
  return `${lines.join('\n')}\n`;
}

/** Which rows there are, and in which runs they are when they are not asked for by name. */
export function measurementsAsText(measurements: readonly Measurement[]): string {
  const width = Math.max(...measurements.map(({ id }) => id.length));
  const runs = ({ id, long, quick }: Measurement) => {
    if (isAboutPeers(id)) return '--peers';
    if (long) return '--all';
    return quick ? 'always' : 'not --quick';
  };
  return measurements
    .map((one) => `${one.id.padEnd(width)}  ${runs(one).padEnd(11)}  ${one.about}\n`)
    .join('');
}

/** Each of ours once, whatever it was compared with. */
export function distinct(rows: readonly Row[]): readonly Row[] {
  return [...new Map(rows.map((row) => [`${row.id} ${row.what}`, row])).values()];
}

function comparisons(rows: readonly Row[], before: Result | undefined): string {
  const table = newTable([
    '',
    'ours, and the floor',
    'rate or time',
    'ratio',
    'of the rounds',
    'target',
    ...(before ? ['before', 'change'] : []),
  ]);
  for (const row of rows) {
    const { id, what, unit, ours, floor, ratio, rounds, spread } = row;
    const earlier = before?.rows.find(
      (one) => one.id === id && one.what === what && one.floor.what === floor.what,
    );
    table.push([
      id,
      `${what}\n  ${floor.what}`,
      `${amount(ours)} ${unit}\n${amount(floor.value)} ${unit}`,
      ratio.toFixed(2),
      `${between(spread)} (${rounds})`,
      targetOf(row),
      ...(before
        ? earlier
          ? [
              `${earlier.ratio.toFixed(2)}\n${between(earlier.spread)}`,
              `× ${(ratio / earlier.ratio).toFixed(2)}`,
            ]
          : ['', 'new']
        : []),
    ]);
  }
  return table.toString();
}

function latencies(rows: readonly Row[]): string {
  const table = newTable(['', 'what', 'calls', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max']);
  for (const { id, what, latency } of rows)
    if (latency) {
      const { count, max, mean, p50, p90, p99, p999 } = latency;
      table.push([
        id,
        what,
        count.toLocaleString('en'),
        ...[mean, p50, p90, p99, p999, max].map((value) => value.toFixed(2)),
      ]);
    }
  return table.toString();
}

function costs(rows: readonly Row[]): string {
  const table = newTable([
    '',
    'what',
    'client',
    'service',
    'database',
    'cores',
    'service MiB',
    'database MiB',
  ]);
  for (const { id, what, cpu, memory } of rows)
    if (cpu) {
      const { microseconds, seconds, wallSeconds } = cpu;
      const used = Object.values(seconds).reduce((sum, one) => sum + one, 0);
      table.push([
        id,
        what,
        ...(['client', 'service', 'database'] as const).map((party) => {
          const value = microseconds?.[party];
          return value === undefined ? '' : value.toFixed(value < 100 ? 1 : 0);
        }),
        (used / wallSeconds).toFixed(2),
        memory?.service ?? '',
        memory?.database ?? '',
      ]);
    }
  return table.toString();
}

const LEFT = new Set(['what', 'ours, and the floor', 'of the rounds', 'target']);

function newTable(head: string[]) {
  return new Table({
    head,
    colAligns: head.map((name, index) => (index === 0 || LEFT.has(name) ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
}

function togetherOf({ speedTogether }: Result['machine']): string {
  return speedTogether === undefined
    ? ''
    : `when all cores are busy each does ${speedTogether} of what it does alone; `;
}
