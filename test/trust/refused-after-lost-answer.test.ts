import pg from 'pg';
import { expect, test } from 'vitest';
import { StoreUnavailableError } from '../../src/core/errors.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { GroupCommit } from '../../src/postgres/group-commit.js';
import { prepareAppend } from '../../src/postgres/prepared-append.js';
import { systemRuntime } from '../../src/system.js';

/** What Postgres says to a session that waited too long for a lock. */
function lockTimeout(): Error {
  const error = new pg.DatabaseError('canceling statement due to lock timeout', 0, 'error');
  error.code = '55P03';
  return error;
}

const prepared = prepareAppend(
  {
    streams: [
      {
        stream: { aggregateType: 'Thing', aggregateId: '1' },
        expectedVersion: 'ANY',
        events: [{ eventType: 'Happened', data: new Uint8Array() }],
      },
    ],
  },
  DEFAULT_LIMITS,
  systemRuntime,
);

/** Commits that fail in this order, the last one again and again. */
function failing(...failures: readonly Error[]): GroupCommit {
  let calls = 0;
  return new GroupCommit({
    commit: () => {
      const failure = failures[Math.min(calls, failures.length - 1)];
      calls += 1;
      return Promise.reject(failure ?? new Error('There is no failure'));
    },
    errorFor: (cause, outcome) => new StoreUnavailableError('failed', { cause, outcome }),
    runtime: systemRuntime,
    resolveMilliseconds: 100,
  });
}

test('a refusal is an answer: nothing was applied', async () => {
  await expect(failing(lockTimeout()).submit(prepared)).rejects.toMatchObject({ outcome: 'NOT_APPLIED' });
});

test('a refusal after a lost answer says nothing of the lost one: the outcome stays unknown', async () => {
  const commits = failing(new Error('Connection terminated unexpectedly'), lockTimeout());
  await expect(commits.submit(prepared)).rejects.toMatchObject({ outcome: 'UNKNOWN' });
});
