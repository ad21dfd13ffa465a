import { expectedVersionHolds } from '../../src/core/expected-version.js';
import { name } from './check-log.js';
import type { Findings } from './findings.js';
import type { AppendOperation, ReadOperation } from './history.js';
import type { LoggedAppend, LogIndex } from './log-index.js';

/** One order of all calls explains every answer: the log's. */
export function checkOrder(
  operations: readonly AppendOperation[],
  reads: readonly ReadOperation[],
  index: LogIndex,
  findings: Findings,
): void {
  checkRealTime(index, findings);
  for (const append of index.appends) checkExpected(append, index, findings);
  for (const operation of operations) {
    if (operation.result.kind === 'REFUSED') checkRefusal(operation, index, findings);
    if (operation.result.kind === 'APPENDED' && operation.sent.signature === '')
      checkChecked(operation, index, findings);
  }
  for (const { stream, version, invoked, returned } of reads) {
    findings.count('STATE_WAS_CURRENT');
    if (!index.someMoment([index.window(invoked, returned), index.whileAt(stream, version)]))
      findings.violate(
        'STATE_WAS_CURRENT',
        `a read of ${name(stream)} gave version ${version}, which it did not have between ` +
          `${invoked.toFixed(1)} and ${returned.toFixed(1)} ms`,
      );
  }
}

function checkRealTime({ appends }: LogIndex, findings: Findings): void {
  let latest: LoggedAppend | undefined;
  for (const append of appends) {
    findings.count('REAL_TIME_ORDER');
    if (latest !== undefined && append.knownBy < latest.invokedBy)
      findings.violate(
        'REAL_TIME_ORDER',
        `position ${append.first} was acknowledged at ${append.knownBy.toFixed(1)} ms, before the append at ` +
          `position ${latest.first} was called at ${latest.invokedBy.toFixed(1)} ms`,
      );
    if (latest === undefined || append.invokedBy > latest.invokedBy) latest = append;
  }
}

/** Right before it in the log, what its writer expected was true. */
function checkExpected(append: LoggedAppend, index: LogIndex, findings: Findings): void {
  const fresh = append.operations.filter(({ result }) => result.kind === 'APPENDED' && !result.deduplicated);
  // If no answer says who wrote it, it was one whose answer was lost, perhaps below the client's own retries.
  const writers =
    fresh.length > 0
      ? fresh
      : append.operations.filter(({ result }) => result.kind === 'APPENDED' || result.kind === 'UNKNOWN');
  if (writers.length === 0) return;
  findings.count('EXPECTED_VERSION_HELD');
  const before = append.first - 1;
  const held = writers.some(({ sent }) =>
    sent.streams.every(({ stream, expected }) =>
      expectedVersionHolds(expected, BigInt(index.versionAt(stream, before))),
    ),
  );
  if (held) return;
  const wanted = writers[0]?.sent.streams.map(
    ({ stream, expected }) => `${name(stream)} ${expected} (was ${index.versionAt(stream, before)})`,
  );
  findings.violate('EXPECTED_VERSION_HELD', `position ${append.first} expected ${wanted?.join(', ')}`);
}

/** All that it was told of, and all that it was not told of, was so at one moment. */
function checkRefusal(operation: AppendOperation, index: LogIndex, findings: Findings): void {
  const { client, invoked, number, result, returned, sent } = operation;
  if (result.kind !== 'REFUSED') return;
  findings.count('STATE_WAS_CURRENT');
  const actual = new Map(result.conflicts.map((conflict) => [conflict.stream, conflict]));
  const moments = sent.streams.map(({ stream, expected }) => {
    const conflict = actual.get(stream);
    if (conflict === undefined) return index.whileHolds(stream, expected);
    const justified =
      conflict.expected === expected && !expectedVersionHolds(expected, BigInt(conflict.actual));
    return justified ? index.whileAt(stream, conflict.actual) : undefined;
  });
  if (actual.size > 0 && index.someMoment([index.window(invoked, returned), ...moments])) return;
  const told = result.conflicts.map(
    (one) => `${name(one.stream)} at ${one.actual}, expected ${one.expected}`,
  );
  findings.violate(
    'STATE_WAS_CURRENT',
    `${client} append ${number} was refused (${told.join(', ')}); that was never so between ` +
      `${invoked.toFixed(1)} and ${returned.toFixed(1)} ms`,
  );
}

function checkChecked(operation: AppendOperation, index: LogIndex, findings: Findings): void {
  const { client, invoked, number, returned, sent } = operation;
  findings.count('STATE_WAS_CURRENT');
  const moments = sent.streams.map(({ stream, expected }) => index.whileHolds(stream, expected));
  if (!index.someMoment([index.window(invoked, returned), ...moments]))
    findings.violate(
      'STATE_WAS_CURRENT',
      `${client} check ${number} was told that ${sent.streams.map(({ stream, expected }) => `${name(stream)} ${expected}`).join(', ')} held; it did not`,
    );
}
