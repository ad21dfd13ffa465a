import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StreamNotFoundError, WrongExpectedVersionError } from '../../src/core/errors.js';
import { systemRuntime } from '../../src/system.js';
import { busiestFiles } from '../../src/tour/busiest-files.js';
import { fileHistory } from '../../src/tour/file-history.js';
import { liveAppend } from '../../src/tour/live-append.js';
import { staleAppend } from '../../src/tour/stale-append.js';
import { fileStream } from '../../src/tour/tour-streams.js';
import { git, syntheticHistory } from '../support/git-repository.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { eventsIn, importInto, Repositories } from './imported.js';

const repositories = new Repositories('show');
let test: TestStore;

beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());
afterAll(() => repositories.remove());

describe('the busiest files', () => {
  it('are counted as git counts them', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 600, seed: 21 }));
    const { key, eventsAppended } = await importInto(test.store, repository);
    const busiest = await busiestFiles({ store: test.store, key, limit: 10_000 });
    expect(busiest.eventsRead).toBe(eventsAppended);
    const counted = countedByGit(repository.directory);
    expect(busiest.distinctFiles).toBe(counted.size);
    for (const { path, events, linesAdded, linesRemoved } of busiest.files)
      expect({ path, events, linesAdded, linesRemoved }).toEqual({ path, ...counted.get(path) });
    const events = busiest.files.map((file) => file.events);
    expect(events).toEqual(events.toSorted((a, b) => b - a));
  });

  it('are of one repository, also where others are in the store, and as many as asked for', async () => {
    const one = await repositories.make([{ changes: [{ write: 'a', content: '1\n' }] }]);
    const changes = ['x', 'y', 'z'].map((write) => ({ write, content: '1\n2\n' }));
    const two = await repositories.make([{ changes }, { changes: [{ write: 'z', content: '1\n' }] }]);
    await importInto(test.store, one);
    const { key } = await importInto(test.store, two);
    const busiest = await busiestFiles({ store: test.store, key, limit: 2 });
    expect(busiest.distinctFiles).toBe(3);
    expect(busiest.files).toEqual([
      { stream: fileStream(key, 'z'), path: 'z', events: 2, linesAdded: 2, linesRemoved: 1 },
      { stream: fileStream(key, 'x'), path: 'x', events: 1, linesAdded: 2, linesRemoved: 0 },
    ]);
  });
});

describe("a file's history", () => {
  it('has the newest events, in the order of their versions, with who and what', async () => {
    const repository = await repositories.make(
      Array.from({ length: 7 }, (_, n) => ({ changes: [{ write: 'a', content: 'x\n'.repeat(n + 1) }] })),
    );
    const { key } = await importInto(test.store, repository);
    const stream = fileStream(key, 'a');
    const history = await fileHistory({ store: test.store, stream, limit: 3 });
    expect(history.version).toBe(7n);
    expect(history.events.map(({ event }) => event.version)).toEqual([5n, 6n, 7n]);
    expect(history.events[2]?.data).toEqual({
      path: 'a',
      linesAdded: 1,
      linesRemoved: 0,
      commit: repository.hashes[6],
      author: 'Ada Lind',
      committedAt: new Date((1_000_000_000 + 60 * 6) * 1000).toISOString(),
    });
  });

  it('is refused for a file that there never was', async () => {
    const history = fileHistory({ store: test.store, stream: fileStream('0'.repeat(12), 'a') });
    await expect(history).rejects.toBeInstanceOf(StreamNotFoundError);
  });
});

describe('a live subscription', () => {
  it('sees a new append, and is over then', async () => {
    const live = await liveAppend({ store: test.store, runtime: systemRuntime });
    expect(live.event).toMatchObject({ stream: live.stream, version: 1n, eventType: 'TourTaken' });
    expect(live.deliveryMilliseconds).toBeGreaterThan(0);
    expect(live.appendMilliseconds).toBeGreaterThan(0);
    expect(test.store.followers).toBe(0);
  });

  it('can be taken again', async () => {
    const [one, two] = [
      await liveAppend({ store: test.store, runtime: systemRuntime }),
      await liveAppend({ store: test.store, runtime: systemRuntime }),
    ];
    expect(one.stream).not.toEqual(two.stream);
  });

  it('ends when it is aborted', async () => {
    const reason = new Error('Enough');
    const live = liveAppend({ store: test.store, runtime: systemRuntime, signal: AbortSignal.abort(reason) });
    await expect(live).rejects.toBe(reason);
  });
});

describe('a stale append', () => {
  it('is refused with the facts, and writes nothing', async () => {
    const repository = await repositories.make([
      {
        changes: [
          { write: 'a', content: '1\n' },
          { write: 'b', content: '1\n' },
        ],
      },
      { changes: [{ write: 'a', content: '2\n' }] },
    ]);
    const { key } = await importInto(test.store, repository);
    const before = await eventsIn(test.store);
    for (const [path, expected, actual] of [
      ['a', 1n, 2n],
      ['b', 'NO_STREAM', 1n],
    ] as const) {
      const stream = fileStream(key, path);
      const stale = await staleAppend({ store: test.store, stream });
      expect(stale).toMatchObject({ stream, expected });
      expect(stale.error).toBeInstanceOf(WrongExpectedVersionError);
      expect(stale.error.conflicts).toEqual([{ stream, expected, actual }]);
    }
    expect(await eventsIn(test.store)).toEqual(before);
  });
});

/** From `git log --numstat`, which knows nothing of events. */
function countedByGit(directory: string): Map<string, Record<string, number>> {
  const log = git(
    directory,
    'log',
    '--numstat',
    '-z',
    '--format=',
    '-M50%',
    '-l1000',
    '--diff-algorithm=myers',
    'HEAD',
  );
  const files = new Map<string, Record<string, number>>();
  const count = (path: string, added: string, removed: string) => {
    const { events = 0, linesAdded = 0, linesRemoved = 0 } = files.get(path) ?? {};
    files.set(path, {
      events: events + 1,
      linesAdded: linesAdded + (Number(added) || 0),
      linesRemoved: linesRemoved + (Number(removed) || 0),
    });
  };
  const tokens = log
    .split('\0')
    .map((token) => token.trimStart())
    [Symbol.iterator]();
  for (const token of tokens) {
    const [added, removed, path] = token.split('\t');
    if (added === undefined || removed === undefined) continue;
    if (path) count(path, added, removed);
    else {
      count(String(tokens.next().value), '0', '0');
      count(String(tokens.next().value), added, removed);
    }
  }
  return files;
}
