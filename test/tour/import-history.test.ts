import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { authorStream, fileStream } from '../../src/tour/tour-streams.js';
import { readGitHistory } from '../../src/tour/git-history.js';
import type { ImportProgress, SplitCommit } from '../../src/tour/import-history.js';
import { type CommitSpec, git, syntheticHistory } from '../support/git-repository.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import {
  contentOf,
  eventsIn,
  importInto,
  manyFiles,
  payloadOf,
  Repositories,
  streamsIn,
} from './imported.js';

const repositories = new Repositories('import-history');
let test: TestStore;

beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());
afterAll(() => repositories.remove());

describe('a first import', () => {
  it("tells each file's life, each author's work and the head it reached", async () => {
    const text = 'one\ntwo\nthree\nfour\n';
    const repository = await repositories.make([
      {
        changes: [
          { write: 'a', content: text },
          { write: 'b', content: '1\n' },
        ],
      },
      { changes: [{ write: 'b', content: '1\n2\n' }], author: { name: 'Bo', email: 'bo@example.org' } },
      { changes: [{ rename: 'a', to: 'c' }] },
      { changes: [{ remove: 'b' }] },
      { changes: [{ write: 'b', content: 'again\n' }] },
      { message: 'Nothing' },
    ]);
    const summary = await importInto(test.store, repository);
    expect(summary).toMatchObject({
      key: repository.hashes[0]?.slice(0, 12),
      commitsTotal: 6,
      commitsDone: 6,
      commitsAdded: 6,
      commitsSplit: 0,
      eventsAppended: 14,
      eventsDeduplicated: 0,
    });
    expect(await streamsIn(test.store)).toEqual({
      'File a': ['FileCreated', 'FileRenamed'],
      'File b': ['FileCreated', 'FileChanged', 'FileDeleted', 'FileCreated'],
      'File c': ['FileRenamed'],
      'Author ada@example.org': Array.from({ length: 5 }, () => 'CommitAuthored'),
      'Author bo@example.org': ['CommitAuthored'],
      [`Repository ${summary.key}`]: ['HistoryImported'],
    });
  });

  it('makes one append of a commit: its events stand together, and are recorded together', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 60, seed: 3 }));
    await importInto(test.store, repository);
    const order: string[] = [];
    const times = new Map<string, Set<bigint>>();
    for (const event of await eventsIn(test.store)) {
      const commit = event.metadata['correlation_id'];
      if (commit === undefined) continue;
      if (order.at(-1) !== commit) order.push(commit);
      times.set(commit, (times.get(commit) ?? new Set()).add(event.recordedAt));
    }
    const expected: string[] = [];
    for await (const { hash } of readGitHistory({ repository: repository.directory })) expected.push(hash);
    expect(order).toEqual(expected);
    expect([...times.values()].every((each) => each.size === 1)).toBe(true);
  });

  it('gives the same log one at a time and many under way', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 150, seed: 4 }));
    await importInto(test.store, repository);
    const other = await openTestStore();
    await importInto(other.store, repository, { inFlight: 1 });
    expect(await contentOf(other.store)).toEqual(await contentOf(test.store));
    await other.close();
  });

  it('tells merges, binary files, deletions and files that change their kind', async () => {
    const repository = await repositories.make([
      {
        changes: [
          { write: 'a', content: 'a\n' },
          { write: 'bin', content: Buffer.from([0, 1, 2]) },
        ],
      },
      { changes: [{ write: 'b', content: 'b\n' }], parents: [0] },
      { changes: [{ write: 'bin', content: Buffer.from([0, 1, 3]) }], parents: [0] },
      { message: 'Merge', parents: [2, 1], changes: [{ write: 'b', content: 'b\n' }] },
      { changes: [{ write: 'a', content: 'b', mode: '120000' }] },
      { changes: [{ remove: 'a' }, { write: 'a/now/a/folder', content: 'other\n' }] },
    ]);
    await importInto(test.store, repository);
    const streams = await streamsIn(test.store);
    expect(streams).toMatchObject({
      'File a': ['FileCreated', 'FileChanged', 'FileDeleted'],
      'File b': ['FileCreated'],
      'File bin': ['FileCreated', 'FileChanged'],
      'File a/now/a/folder': ['FileCreated'],
    });
    const merge = (await eventsIn(test.store)).find(
      (event) => event.eventType === 'CommitAuthored' && payloadOf(event)['subject'] === 'Merge',
    );
    expect(payloadOf(merge)).toMatchObject({
      files: 0,
      parents: [repository.hashes[2], repository.hashes[1]],
    });
  });

  it('takes every name that git takes', async () => {
    const long = `deep/${'folder/'.repeat(50)}`;
    const names = [
      'with space',
      'new\nline',
      'tab\there',
      'quo"te',
      'back\\slash',
      '-dash',
      ':colon',
      'commit 1',
      'ünïcode 字 😀',
      '100%',
      '%41',
      `${long}one`,
      `${long}two`,
      'é'.repeat(120),
    ];
    const writes = names.map((write) => ({ write, content: 'x\n' }));
    const invalid = { write: Buffer.from([0x66, 0xff, 0xfe]), content: 'x\n' };
    const author = { name: 'No Address', email: '' };
    const repository = await repositories.make([{ changes: [...writes, invalid], author }]);
    const { key, eventsAppended } = await importInto(test.store, repository);
    expect(eventsAppended).toBe(names.length + 3);
    const paths = (await eventsIn(test.store)).filter(({ eventType }) => eventType === 'FileCreated');
    expect(paths.map((event) => payloadOf(event)['path'])).toEqual(
      expect.arrayContaining(['with space', 'new%0Aline', 'f%FF%FE', '%2541', `${long}one`, `${long}two`]),
    );
    const stream = fileStream(key, `${long}two`);
    const pages = test.store.load({ scope: { kind: 'STREAM', stream } });
    for await (const { events } of pages) expect(payloadOf(events[0])).toMatchObject({ path: `${long}two` });
    expect(await streamsIn(test.store)).toHaveProperty(['Author No Address']);
  });

  it('splits a commit over the limits, in order, and says so', async () => {
    const repository = await repositories.make([
      { changes: [{ write: 'a', content: 'a\n' }] },
      { message: 'Import everything', changes: manyFiles(1500) },
      { changes: manyFiles(3, 'y\n') },
    ]);
    const splits: SplitCommit[] = [];
    const summary = await importInto(test.store, repository, { onSplit: (split) => splits.push(split) });
    expect(summary).toMatchObject({ commitsDone: 3, commitsSplit: 1, eventsAppended: 2 + 1501 + 4 + 1 });
    expect(splits).toEqual([
      { hash: repository.hashes[1], subject: 'Import everything', events: 1501, appends: 2 },
    ]);
    const again = await importInto(test.store, repository);
    expect(again).toMatchObject({ commitsDone: 3, commitsAdded: 0, eventsAppended: 0 });
  });

  it('reports how far it is, never backwards', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 120, seed: 5 }));
    const told: ImportProgress[] = [];
    await importInto(test.store, repository, { onProgress: (progress) => told.push(progress) });
    expect(told[0]).toMatchObject({ commitsTotal: 120, commitsDone: 0, eventsAppended: 0 });
    expect(told.at(-1)).toMatchObject({ commitsTotal: 120, commitsDone: 120 });
    expect(told.at(-1)?.eventsPerSecond).toBeGreaterThan(0);
    told.reduce((before, now) => {
      expect(now.commitsDone).toBeGreaterThanOrEqual(before.commitsDone);
      expect(now.elapsedMilliseconds).toBeGreaterThanOrEqual(before.elapsedMilliseconds);
      return now;
    });
  });
});

describe('another import of the same repository', () => {
  it('adds nothing', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 100, seed: 6 }));
    await importInto(test.store, repository);
    const before = await contentOf(test.store);
    const summary = await importInto(test.store, repository);
    expect(summary).toMatchObject({
      commitsTotal: 100,
      commitsDone: 100,
      commitsAdded: 0,
      eventsAppended: 0,
    });
    expect(await contentOf(test.store)).toEqual(before);
  });

  it('adds nothing from another clone of it', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 30, seed: 7 }));
    await importInto(test.store, repository);
    const before = await contentOf(test.store);
    const clone = `${repository.directory}-clone`;
    git('.', 'clone', '--quiet', '--bare', repository.directory, clone);
    await importInto(test.store, { directory: clone, hashes: [] });
    expect(await contentOf(test.store)).toEqual(before);
  });

  it('adds only the new commits of a longer history, as if it had been read at once', async () => {
    const commits = [...syntheticHistory({ commits: 200, seed: 8 })];
    const short = await repositories.make(commits.slice(0, 120));
    await importInto(test.store, short);
    const long = await repositories.make(commits);
    const summary = await importInto(test.store, long);
    expect(summary.commitsTotal).toBe(200);
    expect(summary.commitsDone).toBe(200);
    expect(summary.commitsAdded).toBe(200 - (await countOf(short.directory)));
    const once = await openTestStore();
    await importInto(once.store, long);
    expect(sorted(await streamsIn(test.store))).toEqual({
      ...sorted(await streamsIn(once.store)),
      [`Repository ${summary.key}`]: ['HistoryImported', 'HistoryImported'],
    });
    await once.close();
  });

  it('writes once what two imports write at the same time', async () => {
    const repository = await repositories.make(syntheticHistory({ commits: 150, seed: 9 }));
    const other = await openTestStore();
    await importInto(other.store, repository);
    await Promise.all([importInto(test.store, repository), importInto(test.store, repository)]);
    expect(await contentOf(test.store)).toEqual(await contentOf(other.store));
    await other.close();
  });
});

describe('a history that is not a longer one', () => {
  const base: CommitSpec[] = [
    { changes: [{ write: 'a', content: 'a\n' }] },
    { changes: [{ write: 'a', content: 'a\nb\n' }] },
  ];

  it('adds an amended commit behind the one that it replaces', async () => {
    const before = await repositories.make([
      ...base,
      { message: 'Old', changes: [{ write: 'a', content: 'old\n' }] },
    ]);
    await importInto(test.store, before);
    const amended = await repositories.make([
      ...base,
      { message: 'New', changes: [{ write: 'a', content: 'new\n' }] },
      { message: 'Next', changes: [{ write: 'a', content: 'next\n' }] },
    ]);
    const summary = await importInto(test.store, amended);
    expect(summary).toMatchObject({ commitsTotal: 4, commitsDone: 4, commitsAdded: 2 });
    const events = await eventsIn(test.store);
    const ofFile = events.filter(({ stream }) => stream.aggregateType === 'File');
    expect(ofFile.map(({ version }) => version)).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect(await importInto(test.store, amended)).toMatchObject({ commitsAdded: 0, eventsAppended: 0 });
  });

  it('goes back and forth between branches, and adds each commit once', async () => {
    const repository = await repositories.make([
      ...base,
      { changes: [{ write: 'a', content: 'one\n' }], parents: [1] },
      { changes: [{ write: 'a', content: 'two\n' }], parents: [1] },
    ]);
    const [, , one = '', two = ''] = repository.hashes;
    const added: number[] = [];
    for (const head of [one, two, one, two]) {
      git(repository.directory, 'update-ref', 'refs/heads/main', head);
      added.push((await importInto(test.store, repository)).commitsAdded);
    }
    expect(added).toEqual([3, 1, 0, 0]);
    const before = await contentOf(test.store);
    git(repository.directory, 'update-ref', 'refs/heads/main', repository.hashes[0] ?? '');
    expect(await importInto(test.store, repository)).toMatchObject({ commitsTotal: 1, commitsDone: 1 });
    expect(await contentOf(test.store)).toEqual(before);
  });

  it('finds two unrelated repositories beside each other, the same paths and authors notwithstanding', async () => {
    const one = await repositories.make(base);
    const two = await repositories.make([
      { message: 'Other', changes: [{ write: 'a', content: 'z\n' }] },
      ...base,
    ]);
    const first = await importInto(test.store, one);
    const second = await importInto(test.store, two);
    expect(second).toMatchObject({ commitsAdded: 3, eventsDeduplicated: 0 });
    expect(await importInto(test.store, one)).toMatchObject({ commitsAdded: 0 });
    expect(await importInto(test.store, two)).toMatchObject({ commitsAdded: 0 });
    const events = await eventsIn(test.store);
    for (const [key, versions] of [
      [first.key, [1n, 2n]],
      [second.key, [1n, 2n, 3n]],
    ] as const) {
      const stream = authorStream(key, { name: '', email: 'ada@example.org' });
      const own = events.filter((event) => event.stream.aggregateId === stream.aggregateId);
      expect(own.map(({ version }) => version)).toEqual(versions);
    }
  });

  it('takes a shallow clone for a repository of its own', async () => {
    const repository = await repositories.make([...base, { changes: [{ write: 'a', content: 'c\n' }] }]);
    const { key } = await importInto(test.store, repository);
    const clone = `${repository.directory}-shallow`;
    git('.', 'clone', '--quiet', '--bare', '--depth=1', `file://${repository.directory}`, clone);
    const summary = await importInto(test.store, { directory: clone, hashes: [] });
    expect(summary.key).not.toBe(key);
    expect(summary).toMatchObject({ commitsTotal: 1, commitsAdded: 1 });
  });
});

async function countOf(directory: string): Promise<number> {
  let count = 0;
  for await (const _ of readGitHistory({ repository: directory })) count += 1;
  return count;
}

function sorted(streams: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(streams).map(([name, events]) => [name, events.toSorted()]));
}
