import { describe, expect, test } from 'vitest';
import { isFinal } from './check-appends.js';
import { check } from './checker.js';
import type { Findings, Rule } from './findings.js';
import type { AppendResult, FinalLog, LoggedEvent } from './history.js';
import { appended, away, create, id, key, logged, operation, request, right, stale } from './right-story.js';

// A small history that is right, and one lie at a time. Every lie must be found, by the rule that is there for it.

type Lie = (story: ReturnType<typeof right>) => FinalLog | undefined;

/** The same log with one event otherwise. */
function changed(log: FinalLog, position: number, change: Partial<LoggedEvent>): FinalLog {
  const bySql = log.bySql.map((event) => (event.position === position ? { ...event, ...change } : event));
  return { ...log, bySql, byLoad: bySql };
}

function withResult({ history }: ReturnType<typeof right>, number: number, result: AppendResult): undefined {
  const told = history.operations[number - 1];
  if (told === undefined) throw new RangeError(`There is no operation ${number}`);
  told.result = result;
}

const LIES: readonly (readonly [string, Rule, Lie])[] = [
  ['an acknowledged event that is gone', 'ACK_KEPT', ({ log }) => ({ ...log, bySql: log.bySql.slice(0, 1) })],
  ['other bytes than were sent', 'ACK_KEPT', ({ log }) => changed(log, 1, { digest: 'other' })],
  [
    'another version than was told',
    'ACK_KEPT',
    (story) => {
      const told = appended(2, [2, 3]);
      return withResult(story, 2, told.kind === 'APPENDED' ? { ...told, versions: [[key, 2]] } : told);
    },
  ],
  [
    'an event that nobody sent',
    'NOT_INVENTED',
    ({ log }) => {
      const bySql = [...log.bySql, ...logged(request('ANY', 99), 5)];
      return { bySql, byLoad: bySql, head: 5 };
    },
  ],
  ['half a batch', 'BATCH_WHOLE', ({ log }) => changed(log, 2, { endsAppend: true })],
  ['an id that is there twice', 'ID_UNIQUE', ({ log }) => changed(log, 4, { eventId: id(1) })],
  ['a hole in the positions', 'POSITIONS_DENSE', ({ log }) => changed(log, 4, { position: 5 })],
  ['a head that is elsewhere', 'POSITIONS_DENSE', ({ log }) => ({ ...log, head: 5 })],
  ['a version that is there twice', 'VERSIONS_CONTIGUOUS', ({ log }) => changed(log, 4, { version: 3 })],
  ['time that runs backwards', 'TIME_FORWARD', ({ log }) => changed(log, 4, { recordedAt: 1 })],
  [
    'a repeat that was told to be new',
    'REPEAT_ANSWERED',
    (story) => withResult(story, 8, appended(2, [2, 3])),
  ],
  [
    'a repeat that was refused',
    'REPEAT_ANSWERED',
    (story) =>
      withResult(story, 8, { kind: 'REFUSED', conflicts: [{ stream: key, expected: 1n, actual: 4 }] }),
  ],
  ['a misused id that was taken', 'REPEAT_ANSWERED', (story) => withResult(story, 6, appended(5, [2]))],
  [
    'a misused id that is said to be elsewhere',
    'REPEAT_ANSWERED',
    (story) => withResult(story, 6, { kind: 'REUSED', eventId: id(2), position: 3 }),
  ],
  [
    'a batch that was appended on another version',
    'EXPECTED_VERSION_HELD',
    ({ history }) => {
      history.operations.splice(1, 1, operation(2, [20, 30], request(0n, 2, 3), appended(2, [2, 3])));
      history.operations.splice(7, 1);
      return undefined;
    },
  ],
  [
    'a refusal with a version of the future',
    'STATE_WAS_CURRENT',
    ({ history }) => {
      history.operations.splice(
        4,
        1,
        operation(5, [12, 18], stale, {
          kind: 'REFUSED',
          conflicts: [{ stream: key, expected: 1n, actual: 3 }],
        }),
      );
      return undefined;
    },
  ],
  [
    'a refusal with a version of the past',
    'STATE_WAS_CURRENT',
    ({ history }) => {
      history.operations.splice(
        4,
        1,
        operation(5, [75, 80], stale, {
          kind: 'REFUSED',
          conflicts: [{ stream: key, expected: 1n, actual: 3 }],
        }),
      );
      return undefined;
    },
  ],
  [
    'a refusal although the version was right',
    'STATE_WAS_CURRENT',
    (story) =>
      withResult(story, 5, { kind: 'REFUSED', conflicts: [{ stream: key, expected: 1n, actual: 1 }] }),
  ],
  [
    'a stale read',
    'STATE_WAS_CURRENT',
    ({ history }) => {
      history.reads.push({ stream: key, version: 1, invoked: 35, returned: 38 });
      return undefined;
    },
  ],
  [
    'an order against time',
    'REAL_TIME_ORDER',
    ({ history }) => {
      history.operations.splice(0, 1, operation(1, [35, 38], create, appended(1, [1])));
      return undefined;
    },
  ],
  [
    'what was not applied, and is there',
    'OUTCOME_HONEST',
    ({ history, log }) => {
      const bySql = [...log.bySql, ...logged(away, 5)];
      history.feeds.splice(0);
      return { bySql, byLoad: bySql, head: 5 };
    },
  ],
  [
    'what stayed unknown',
    'OUTCOME_HONEST',
    ({ history }) => {
      history.operations.splice(3, 1);
      return undefined;
    },
  ],
  [
    'what was refused when it was sent again, and is there',
    'OUTCOME_HONEST',
    (story) =>
      withResult(story, 4, { kind: 'REFUSED', conflicts: [{ stream: key, expected: 3n, actual: 4 }] }),
  ],
  [
    'an event that a follower never saw',
    'FEED_COMPLETE',
    ({ feed }) => {
      for (const list of [feed.positions, feed.versions, feed.digests]) list.splice(1, 1);
      feed.ranges.splice(5, 1, 2);
      return undefined;
    },
  ],
  [
    'an event that a follower saw twice',
    'FEED_COMPLETE',
    ({ feed }) => {
      feed.positions.splice(1, 0, 1);
      feed.versions.splice(1, 0, 1);
      feed.digests.splice(1, 0, feed.digests[0] ?? '');
      return undefined;
    },
  ],
  [
    'other content for a follower',
    'FEED_COMPLETE',
    ({ feed }) => {
      feed.digests[2] = 'other';
      return undefined;
    },
  ],
  [
    'a follower that never arrives',
    'FEED_COMPLETE',
    ({ feed }) => {
      feed.ranges.splice(3, 3);
      return undefined;
    },
  ],
  [
    'ranges that do not meet',
    'RANGES_MEET',
    ({ feed }) => {
      feed.ranges.splice(3, 1, 2);
      return undefined;
    },
  ],
  [
    'an event outside of its range',
    'RANGES_MEET',
    ({ feed }) => {
      feed.ranges.splice(0, 6, 0, 1, 2, 1, 4, 2);
      return undefined;
    },
  ],
  [
    'an epoch that nothing explains',
    'RANGES_MEET',
    ({ feed }) => {
      feed.epochs.add(2);
      return undefined;
    },
  ],
  ['two readings that differ', 'READS_AGREE', ({ log }) => ({ ...log, byLoad: log.byLoad.slice(0, 3) })],
  [
    'an error that the contract does not know',
    'ERRORS_KNOWN',
    (story) => withResult(story, 7, { kind: 'NOT_APPLIED', reason: 'INTERNAL' }),
  ],
];

function findingsOf(lie?: Lie): Findings {
  const story = right();
  const log = lie?.(story) ?? story.log;
  return check(story.history, log);
}

describe('the checker', () => {
  test('has nothing against a history that is right, and has looked at everything', () => {
    const findings = findingsOf();
    expect(findings.violations).toEqual([]);
    for (const [, rule] of LIES) expect(findings.checked.get(rule), rule).toBeGreaterThan(0);
  });

  test.for(LIES)('finds %s', ([, rule, lie]) => {
    expect([...findingsOf(lie).broken.keys()]).toContain(rule);
  });

  test('lets an earlier try be applied after a refusal only where what was expected could yet come true', () => {
    const refused = (...conflicts: Extract<AppendResult, { kind: 'REFUSED' }>['conflicts']) =>
      isFinal({ kind: 'REFUSED', conflicts });
    const absent = { stream: key, expected: 'STREAM_EXISTS' as const, actual: 0 };
    const ahead = { stream: key, expected: 5n, actual: 4 };
    expect(refused(absent)).toBe(false);
    expect(refused(ahead, absent)).toBe(false);
    expect(refused({ stream: key, expected: 3n, actual: 4 })).toBe(true);
    expect(refused({ stream: key, expected: 'NO_STREAM', actual: 1 })).toBe(true);
    expect(refused(absent, { stream: 'Counter\nc2', expected: 'NO_STREAM', actual: 1 })).toBe(true);
    expect(isFinal({ kind: 'REUSED', eventId: id(1), position: 1 })).toBe(true);
  });
});
