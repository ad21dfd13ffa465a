import { checkAppends } from './check-appends.js';
import { checkFeeds } from './check-feeds.js';
import { checkLog } from './check-log.js';
import { checkOrder } from './check-order.js';
import { Findings, type Rule } from './findings.js';
import type { AppendOperation, FinalLog, History } from './history.js';
import { LogIndex } from './log-index.js';

/** What a caller may meet while services and databases come and go. */
const KNOWN_FAILURES = new Set([
  'STORE_UNAVAILABLE',
  'OVERLOADED',
  'DEADLINE_EXCEEDED',
  // The caller itself hung up.
  'ABORTED',
]);

/** Holds a history against the final log. Knows nothing but the two, and asks nobody. */
export function check(history: History, log: FinalLog): Findings {
  const findings = new Findings();
  const { feeds, operations, reads } = history;
  const index = new LogIndex(log.bySql, operations);
  checkLog(log, findings);
  checkAppends(operations, index, findings);
  checkOrder(operations, reads, index, findings);
  checkFeeds(feeds, log.bySql, operations, findings);
  checkFailures(operations, findings);
  return findings;
}

function checkFailures(operations: readonly AppendOperation[], findings: Findings): void {
  findings.count('ERRORS_KNOWN', operations.length);
  for (const { client, number, result, returned } of operations) {
    if (returned === Infinity) findings.violate('ERRORS_KNOWN', `${client} append ${number} never returned`);
    else if (
      (result.kind === 'NOT_APPLIED' || result.kind === 'UNKNOWN') &&
      !KNOWN_FAILURES.has(result.reason)
    )
      findings.violate('ERRORS_KNOWN', `${client} append ${number} failed with ${result.reason}`);
  }
}

/** The rules that had nothing to look at: a verdict over nothing is none. */
export function unchecked<R extends string = Rule>(findings: Findings<R>, rules: readonly R[]): readonly R[] {
  return rules.filter((rule) => (findings.checked.get(rule) ?? 0) === 0);
}

/** What was found, in a line or two. */
export function reportBriefly(findings: Findings, seed: number): string {
  const [first] = findings.violations;
  const broken = [...findings.broken].map(([rule, times]) => `${rule} ${times}`).join(', ');
  return first ? `seed ${seed}, violations: ${broken}; first: ${first.text}` : `seed ${seed}, violations: 0`;
}

/** What was checked and what was found, for a person. */
export function report(findings: Findings<string>, seed: number): string {
  const counts = [...findings.checked].map(([rule, items]) => `${rule} ${items}`).join(', ');
  const broken = [...findings.broken].map(([rule, times]) => `${rule} ${times}`).join(', ');
  const lines = findings.violations.map(({ rule, text }) => `  ${rule}: ${text}`);
  return [
    `seed ${seed}; checked: ${counts}`,
    broken === '' ? 'violations: 0' : `violations: ${broken}`,
    ...lines,
  ].join('\n');
}
