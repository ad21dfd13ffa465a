import { describe, expect, it } from 'vitest';
import { validateAppend } from '../../src/core/validate-append.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { type CommitAppend, commitToAppends } from '../../src/tour/commit-to-appends.js';
import type { GitChange, GitCommit } from '../../src/tour/git-commit.js';

const KEY = '0123456789ab';

function commitOf(changes: readonly GitChange[], more: Partial<GitCommit> = {}): GitCommit {
  return {
    hash: 'f'.repeat(40),
    parents: ['e'.repeat(40)],
    author: { name: 'Ada Lind', email: 'ada@example.org' },
    authoredAt: new Date('2024-05-01T10:00:00Z'),
    committedAt: new Date('2024-05-01T11:00:00Z'),
    subject: 'Move things',
    changes,
    ...more,
  };
}

function change(kind: 'created' | 'changed' | 'deleted', path: string): GitChange {
  return { kind, path, linesAdded: 2, linesRemoved: 1, binary: false };
}

function inShort(part: CommitAppend | undefined): string[] {
  return (part?.streams ?? []).map(
    ({ stream, events }) =>
      `${stream.aggregateType} ${stream.aggregateId}: ${events.map(({ eventType }) => eventType).join(' ')}`,
  );
}

function payloads(part: CommitAppend | undefined): unknown[] {
  const events = (part?.streams ?? []).flatMap((entry) => entry.events);
  return events.map(({ data }) => JSON.parse(Buffer.from(data).toString('utf8')) as unknown);
}

/** Throws what a store would. */
function expectAcceptable(parts: readonly CommitAppend[]): void {
  for (const { streams } of parts) {
    const request = streams.map((entry) => ({ ...entry, expectedVersion: 'NO_STREAM' as const }));
    validateAppend({ streams: request }, DEFAULT_LIMITS);
  }
}

describe('a commit as an append', () => {
  it('writes each file that it touches, and its author last', () => {
    const commit = commitOf([change('created', 'a'), change('changed', 'b'), change('deleted', 'c')]);
    const parts = [...commitToAppends(commit, { key: KEY })];
    expect(parts).toHaveLength(1);
    expect(parts[0]).toMatchObject({ part: 1, last: true, events: 4 });
    expect(inShort(parts[0])).toEqual([
      `File ${KEY}:a: FileCreated`,
      `File ${KEY}:b: FileChanged`,
      `File ${KEY}:c: FileDeleted`,
      `Author ${KEY}:ada@example.org: CommitAuthored`,
    ]);
    expect(payloads(parts[0])).toEqual([
      expect.objectContaining({ path: 'a', linesAdded: 2, linesRemoved: 1, author: 'Ada Lind' }),
      expect.objectContaining({ path: 'b', commit: commit.hash, committedAt: '2024-05-01T11:00:00.000Z' }),
      expect.objectContaining({ path: 'c' }),
      {
        hash: commit.hash,
        parents: commit.parents,
        name: 'Ada Lind',
        email: 'ada@example.org',
        subject: 'Move things',
        authoredAt: '2024-05-01T10:00:00.000Z',
        committedAt: '2024-05-01T11:00:00.000Z',
        files: 3,
        linesAdded: 6,
        linesRemoved: 3,
      },
    ]);
    expectAcceptable(parts);
  });

  it('marks its events for queries by commit, by path and by correlation', () => {
    const [part] = commitToAppends(commitOf([change('created', 'a b')]), { key: KEY });
    const [file, author] = (part?.streams ?? []).flatMap((entry) => entry.events);
    expect(file?.tags).toEqual([`commit:${'f'.repeat(40)}`, 'path:a b']);
    expect(author?.tags).toEqual([`commit:${'f'.repeat(40)}`]);
    expect(file?.metadata).toEqual({ correlation_id: 'f'.repeat(40) });
    expect(file?.contentType).toBe('application/json');
  });

  it('is the same each time, ids included, and no other commit, file or repository has these ids', () => {
    const idsOf = (commit: GitCommit, key = KEY) =>
      [...commitToAppends(commit, { key })].flatMap(({ streams }) =>
        streams.flatMap(({ events }) => events.map(({ eventId }) => eventId)),
      );
    const commit = commitOf([change('created', 'a'), change('created', 'b')]);
    const ids = idsOf(commit);
    expect(idsOf(commit)).toEqual(ids);
    expect(ids).toHaveLength(3);
    const others = [
      ...idsOf(commitOf(commit.changes, { hash: 'e'.repeat(40) })),
      ...idsOf(commit, 'ba9876543210'),
    ];
    expect(new Set([...ids, ...others]).size).toBe(9);
  });

  it("ends the old path's stream and begins the new one's when a file moves; lines count once", () => {
    const moved = {
      kind: 'renamed',
      from: 'a',
      path: 'b',
      linesAdded: 3,
      linesRemoved: 0,
      binary: false,
    } as const;
    const [part] = commitToAppends(commitOf([moved]), { key: KEY });
    expect(inShort(part).slice(0, 2)).toEqual([`File ${KEY}:a: FileRenamed`, `File ${KEY}:b: FileRenamed`]);
    const [old, now] = payloads(part);
    expect(old).toMatchObject({ path: 'a', from: 'a', to: 'b' });
    expect(old).not.toHaveProperty('linesAdded');
    expect(now).toMatchObject({ path: 'b', from: 'a', to: 'b', linesAdded: 3, linesRemoved: 0 });
  });

  it('names no stream twice, however often it touches a path', () => {
    const moved = {
      kind: 'renamed',
      from: 'a',
      path: 'b',
      linesAdded: 0,
      linesRemoved: 0,
      binary: false,
    } as const;
    const commit = commitOf([change('deleted', 'b'), moved, change('created', 'a')]);
    const parts = [...commitToAppends(commit, { key: KEY })];
    expect(inShort(parts[0]).slice(0, 2)).toEqual([
      `File ${KEY}:b: FileDeleted FileRenamed`,
      `File ${KEY}:a: FileRenamed FileCreated`,
    ]);
    expectAcceptable(parts);
  });

  it("writes the author's event alone for a merge or an empty commit", () => {
    const [part, ...more] = commitToAppends(commitOf([], { parents: ['1', '2'] }), { key: KEY });
    expect(inShort(part)).toEqual([`Author ${KEY}:ada@example.org: CommitAuthored`]);
    expect(more).toEqual([]);
  });

  it('says that a file is binary instead of counting lines', () => {
    const picture = {
      kind: 'created',
      path: 'p',
      linesAdded: undefined,
      linesRemoved: undefined,
      binary: true,
    } as const;
    const [part] = commitToAppends(commitOf([picture]), { key: KEY });
    expect(payloads(part)[0]).toMatchObject({ binary: true });
    expect(payloads(part)[0]).not.toHaveProperty('linesAdded');
  });

  it('goes by the name of an author without address, and by neither if there is none', () => {
    const authorOf = (author: GitCommit['author']) =>
      inShort([...commitToAppends(commitOf([], { author }), { key: KEY })][0])[0];
    expect(authorOf({ name: 'Ada', email: '' })).toBe(`Author ${KEY}:Ada: CommitAuthored`);
    expect(authorOf({ name: '', email: '' })).toBe(`Author ${KEY}:(unknown): CommitAuthored`);
    expect(authorOf({ name: 'é'.repeat(256), email: '字'.repeat(256) })?.length).toBeLessThan(280);
  });

  it('shortens a long path in names and keeps it in the payload', () => {
    const path = `${'folder/'.repeat(60)}é`;
    const parts = [
      ...commitToAppends(commitOf([change('created', path), change('created', `${path}2`)]), { key: KEY }),
    ];
    expectAcceptable(parts);
    expect(payloads(parts[0])[0]).toMatchObject({ path });
    expect(new Set(parts[0]?.streams.map(({ stream }) => stream.aggregateId)).size).toBe(3);
  });

  it('takes paths of megabytes', () => {
    const path = 'x'.repeat(3 * 1024 * 1024);
    expectAcceptable([
      ...commitToAppends(commitOf([change('created', path), change('created', `${path}2`)]), { key: KEY }),
    ]);
  });
});

describe('a commit over the limits', () => {
  it('is split by events, the author last', () => {
    const files = Array.from({ length: 2500 }, (_, n) => change('created', `file-${n}`));
    const parts = [...commitToAppends(commitOf(files), { key: KEY })];
    expect(parts.map(({ events, part, last }) => [part, events, last])).toEqual([
      [1, 1000, false],
      [2, 1000, false],
      [3, 501, true],
    ]);
    expectAcceptable(parts);
    expect(inShort(parts[2]).at(-1)).toContain('Author');
  });

  it('is whole at the limit and two behind it', () => {
    const partsOf = (count: number) => [
      ...commitToAppends(commitOf(Array.from({ length: count }, (_, n) => change('created', `f${n}`))), {
        key: KEY,
      }),
    ];
    expect(partsOf(999)).toHaveLength(1);
    expect(partsOf(1000)).toHaveLength(2);
  });

  it('is split by bytes', () => {
    const files = Array.from({ length: 900 }, (_, n) => change('created', `${n}/${'long/'.repeat(2000)}`));
    const parts = [...commitToAppends(commitOf(files), { key: KEY })];
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.every(({ bytes }) => bytes <= DEFAULT_LIMITS.appendBytes)).toBe(true);
    expectAcceptable(parts);
  });

  it('keeps to smaller limits, also within one stream', () => {
    const moved = {
      kind: 'renamed',
      from: 'a',
      path: 'b',
      linesAdded: 0,
      linesRemoved: 0,
      binary: false,
    } as const;
    const commit = commitOf([change('deleted', 'b'), moved, change('created', 'a')]);
    const limits = { appendEvents: 1, appendBytes: 1_000_000 };
    const parts = [...commitToAppends(commit, { key: KEY, limits })];
    expect(parts.flatMap(inShort)).toEqual([
      `File ${KEY}:b: FileDeleted`,
      `File ${KEY}:b: FileRenamed`,
      `File ${KEY}:a: FileRenamed`,
      `File ${KEY}:a: FileCreated`,
      `Author ${KEY}:ada@example.org: CommitAuthored`,
    ]);
    const ids = parts.flatMap(({ streams }) =>
      streams.flatMap(({ events }) => events.map(({ eventId }) => eventId)),
    );
    expect(new Set(ids).size).toBe(5);
  });
});
