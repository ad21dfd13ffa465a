import Table from 'cli-table3';
import type { Result } from './result.js';
import type { Row } from './row.js';

/** The result for people. */
export function resultAsText(result: Result): string {
  const { machine, postgres, mode, rows, service, seconds } = result;
  const settings = Object.entries(postgres.settings).map(([name, value]) => `${name}=${value}`);
  const lines = [
    `${machine.cores} cores (${machine.processor}), ${(machine.memoryMiB / 1024).toFixed(1)} GiB, ${machine.system}, ` +
      `Node ${machine.node}`,
    `Postgres ${postgres.version}: ${settings.join(', ')}`,
    `Medians of the rounds in which ours and the floors took turns${mode === 'quick' ? ', quick' : ''}; ` +
      `${Math.round(seconds)} s`,
    comparisons(rows),
  ];
  if (rows.some(({ latency }) => latency)) lines.push('Our calls in milliseconds', latencies(rows));
  if (service)
    lines.push(
      `The service's process: ${service.peakMiB} MiB at most, ${service.cpuSeconds.toFixed(1)} s of CPU`,
    );
  if (!rows.some(({ id }) => id.startsWith('peer-')))
    lines.push('Other event stores beside ours: npm run bench -- --peers (see bench/peers/README.md)');
  return `${lines.join('\n')}\n`;
}

function comparisons(rows: readonly Row[]): string {
  const table = newTable(['', 'ours, and the floor', 'rate or time', 'ratio', 'of the rounds', 'target']);
  for (const { id, what, unit, ours, floor, ratio, rounds, spread, target, direction } of rows)
    table.push([
      id,
      `${what}\n  ${floor.what}`,
      `${amount(ours)} ${unit}\n${amount(floor.value)} ${unit}`,
      ratio.toFixed(2),
      `${spread.map((value) => value.toFixed(2)).join('–')} (${rounds})`,
      target === undefined ? '' : `${direction === 'AT_MOST' ? '≤' : '≥'} ${target}`,
    ]);
  return table.toString();
}

function latencies(rows: readonly Row[]): string {
  const table = newTable(['', 'what', 'calls', 'p50', 'p90', 'p99', 'p99.9', 'max']);
  for (const { id, what, latency } of rows)
    if (latency)
      table.push([
        id,
        what,
        latency.count.toLocaleString('en'),
        ...[latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map((value) =>
          value.toFixed(2),
        ),
      ]);
  return table.toString();
}

function newTable(head: string[]) {
  const numbers = new Set(['rate or time', 'ratio', 'calls', 'p50', 'p90', 'p99', 'p99.9', 'max']);
  return new Table({
    head,
    colAligns: head.map((name, index) =>
      numbers.has(name) || (name === '' && index > 0) ? 'right' : 'left',
    ),
    style: { head: [], border: [], compact: true },
  });
}

function amount(value: number): string {
  return value < 100 ? value.toFixed(2) : Math.round(value).toLocaleString('en');
}
