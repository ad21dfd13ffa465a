import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppendOutcome, AppendRequest, Appended } from '../../src/core/append.js';
import { InternalError, StoreUnavailableError } from '../../src/core/errors.js';
import type { CallOptions, EventLog } from '../../src/core/event-store.js';
import { ForeignWriterError } from '../../src/tour/import-history.js';
import { authorStream } from '../../src/tour/tour-streams.js';
import { systemRuntime } from '../../src/system.js';
import { type GitRepository, syntheticHistory } from '../support/git-repository.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { contentOf, importInto, manyFiles, Repositories } from './imported.js';

const repositories = new Repositories('interrupted-import');
let test: TestStore;

beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());
afterAll(() => repositories.remove());

/** What an import that nothing disturbs leaves. */
async function undisturbed(repository: GitRepository): Promise<unknown[]> {
  const other = await openTestStore();
  await importInto(other.store, repository);
  const content = await contentOf(other.store);
  await other.close();
  return content;
}

/** The store, with something done before each append reaches it. */
function storeWith(store: EventLog, before: (request: AppendRequest) => void): EventLog {
  async function append(
    request: AppendRequest & { onConflict: 'RETURN' },
    options?: CallOptions,
  ): Promise<AppendOutcome>;
  async function append(
    request: AppendRequest & { onConflict?: 'THROW' },
    options?: CallOptions,
  ): Promise<Appended>;
  async function append(request: AppendRequest, options?: CallOptions): Promise<AppendOutcome>;
  async function append(request: AppendRequest, options?: CallOptions): Promise<AppendOutcome> {
    before(request);
    return store.append(request, options);
  }
  return {
    append,
    load: (request, options) => store.load(request, options),
    subscribe: (request, options) => store.subscribe(request, options),
  };
}

describe('an import that is interrupted', () => {
  it('is finished by the next, with the log as if it had not been', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 300, seed: 11 }));
    const done: number[] = [];
    for (const stopAt of [1, 40, 41, 200, 299]) {
      const controller = new AbortController();
      const reason = new Error('Enough');
      const run = importInto(test.store, repository, {
        signal: controller.signal,
        inFlight: 7,
        onProgress: ({ commitsDone }) => {
          if (commitsDone >= stopAt) controller.abort(reason);
          done.push(commitsDone);
        },
      });
      await expect(run).rejects.toBe(reason);
    }
    expect(Math.max(...done)).toBeGreaterThanOrEqual(299);
    const summary = await importInto(test.store, repository);
    expect(summary).toMatchObject({ commitsTotal: 300, commitsDone: 300 });
    expect(await contentOf(test.store)).toEqual(await undisturbed(repository));
  });

  it('is finished also from within a commit that is split', async () => {
    const repository = await repositories.make([
      { changes: manyFiles(5) },
      { changes: manyFiles(2500, 'y\n') },
      { changes: manyFiles(3, 'z\n') },
    ]);
    for (const stopAt of [6, 1006]) {
      const controller = new AbortController();
      const run = importInto(test.store, repository, {
        signal: controller.signal,
        inFlight: 1,
        onProgress: ({ eventsAppended, eventsDeduplicated }) => {
          if (eventsAppended + eventsDeduplicated >= stopAt) controller.abort();
        },
      });
      await expect(run).rejects.toThrow('aborted');
    }
    const summary = await importInto(test.store, repository);
    expect(summary).toMatchObject({ commitsDone: 3, commitsSplit: 1 });
    expect(summary.eventsDeduplicated).toBeGreaterThan(0);
    expect(await contentOf(test.store)).toEqual(await undisturbed(repository));
  });

  it("is finished also when it was a longer history's", async () => {
    const commits = [...syntheticHistory({ commits: 200, seed: 12 })];
    const short = await repositories.make(commits.slice(0, 80));
    const long = await repositories.make(commits);
    await importInto(test.store, short);
    const controller = new AbortController();
    const run = importInto(test.store, long, {
      signal: controller.signal,
      inFlight: 5,
      onProgress: ({ commitsAdded }) => commitsAdded >= 50 && controller.abort(),
    });
    await expect(run).rejects.toThrow('aborted');
    await importInto(test.store, long);

    const other = await openTestStore();
    await importInto(other.store, short);
    await importInto(other.store, long);
    expect(await contentOf(test.store)).toEqual(await contentOf(other.store));
    await other.close();
  });

  it('writes nothing when it is aborted before it begins', async () => {
    const repository = await repositories.make([{ changes: manyFiles(1) }]);
    const reason = new Error('Not today');
    await expect(importInto(test.store, repository, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(await contentOf(test.store)).toEqual([]);
  });
});

describe('a store that fails', () => {
  it('is tried again while it is away', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 120, seed: 13 }));
    let appends = 0;
    const shaky = storeWith(test.store, () => {
      appends += 1;
      if (appends % 50 === 0)
        throw new StoreUnavailableError('Away', { outcome: 'NOT_APPLIED', retryAfterMilliseconds: 1 });
    });
    const summary = await importInto(shaky, repository, { inFlight: 1 });
    expect(summary).toMatchObject({ commitsTotal: 120, commitsDone: 120, commitsAdded: 120 });
    expect(await contentOf(test.store)).toEqual(await undisturbed(repository));
  });

  it('is given up when it stays away', async () => {
    const repository = await repositories.make([{ changes: manyFiles(1) }]);
    const away = new StoreUnavailableError('Away', { outcome: 'NOT_APPLIED', retryAfterMilliseconds: 1 });
    const run = importInto(
      storeWith(test.store, () => {
        throw away;
      }),
      repository,
    );
    await expect(run).rejects.toBe(away);
  });

  it('is left at once when it fails otherwise', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 30, seed: 14 }));
    const failure = new InternalError('42');
    let appends = 0;
    const broken = storeWith(test.store, () => {
      appends += 1;
      if (appends === 10) throw failure;
    });
    await expect(importInto(broken, repository, { inFlight: 3 })).rejects.toBe(failure);
  });
});

describe("someone else's events in the streams", () => {
  it('are read, and the import goes on behind them', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 120, seed: 15 }));
    const key = repository.hashes[0]?.slice(0, 12) ?? '';
    let appends = 0;
    const disturbed = storeWith(test.store, () => {
      appends += 1;
      if (appends === 60) void appendForeign(test.store, key);
    });
    const summary = await importInto(disturbed, repository, { inFlight: 4 });
    expect(summary).toMatchObject({ commitsTotal: 120, commitsDone: 120, commitsAdded: 120 });
    expect((await contentOf(test.store)).length).toBe(summary.eventsAppended + AUTHORS.length);
    expect(await importInto(test.store, repository)).toMatchObject({ eventsAppended: 0 });
  });

  it('stop it with the refusal when they keep coming, and a later import goes on', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 120, seed: 16 }));
    const key = repository.hashes[0]?.slice(0, 12) ?? '';
    let busy = true;
    const disturbed = storeWith(test.store, () => {
      if (busy) void appendForeign(test.store, key);
    });
    const error: unknown = await importInto(disturbed, repository).catch((cause: unknown) => cause);
    busy = false;
    expect(error).toBeInstanceOf(ForeignWriterError);
    if (!(error instanceof ForeignWriterError)) return;
    expect(error.refusal?.conflicts[0]?.stream.aggregateId).toContain(key);
    expect(error.message).toMatch(
      /^Commit [0-9a-f]{12} was not appended: Stream Author .* is at version \d+, expected .*someone else writes/,
    );
    const summary = await importInto(test.store, repository);
    expect(summary).toMatchObject({ commitsTotal: 120, commitsDone: 120 });
  });
});

const AUTHORS = ['ada', 'bo', 'chi', 'dag', 'eve', 'fay'].map((name) => `${name}@example.org`);

function appendForeign(store: EventLog, key: string): Promise<unknown> {
  const streams = AUTHORS.map((email) => ({
    stream: authorStream(key, { name: '', email }),
    expectedVersion: 'ANY' as const,
    events: [{ eventId: systemRuntime.newEventId(), eventType: 'Praised', data: Buffer.from('{}') }],
  }));
  return store.append({ streams });
}
