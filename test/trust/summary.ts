import type { AppendOperation, FinalLog } from './history.js';
import type { Fault } from './nemesis.js';
import type { Workload } from './workload.js';

/** What a run did, in lines for a person. */
export function summary({ history, tally }: Workload, log: FinalLog, faults: readonly Fault[]): string {
  const { feeds, operations, reads } = history;
  const results = new Map<string, number>();
  for (const { result } of operations) {
    const name = result.kind === 'APPENDED' && result.deduplicated ? 'DEDUPLICATED' : result.kind;
    results.set(name, (results.get(name) ?? 0) + 1);
  }
  const deliveries = feeds.reduce((sum, { positions }) => sum + positions.length, 0);
  const restarts = feeds.reduce((sum, feed) => sum + feed.restarts, 0);
  return [
    `${operations.length} appends: ${listed(results)}; by kind: ${listed(tally.kinds)}; ${tally.resent} sent again`,
    `unknown outcomes: ${resolved(operations)}`,
    `${log.bySql.length} events in the log, ${reads.length} reads, ${deliveries} deliveries to ${feeds.length} ` +
      `followers over ${restarts} restarts`,
    ...faults.map(
      (fault) => `  ${fault.kind}: ${seconds(fault.ended - fault.began)}, ${recovery(fault, operations)}`,
    ),
  ].join('\n');
}

function resolved(operations: readonly AppendOperation[]): string {
  const bySignature = new Map<string, AppendOperation[]>();
  for (const operation of operations) {
    const { signature } = operation.sent;
    if (signature !== '') bySignature.set(signature, [...(bySignature.get(signature) ?? []), operation]);
  }
  const found = new Map<string, number>();
  for (const asked of bySignature.values()) {
    const unknown = asked.filter(({ result }) => result.kind === 'UNKNOWN');
    if (unknown.length === 0) continue;
    const answers = asked.map(({ result }) => result);
    const how = answers.some((result) => result.kind === 'APPENDED' && !result.deduplicated)
      ? 'appended when sent again'
      : answers.some(({ kind }) => kind === 'APPENDED')
        ? 'had been appended'
        : 'refused when sent again';
    found.set(how, (found.get(how) ?? 0) + 1);
  }
  return found.size === 0 ? 'none' : listed(found);
}

/** How long after the fault the first append was taken. */
function recovery({ ended }: Fault, operations: readonly AppendOperation[]): string {
  const next = operations.reduce(
    (least, { returned, result }) =>
      result.kind === 'APPENDED' && returned > ended && returned < least ? returned : least,
    Number.POSITIVE_INFINITY,
  );
  return next === Number.POSITIVE_INFINITY
    ? 'no append after it'
    : `next append after ${seconds(next - ended)}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
}
