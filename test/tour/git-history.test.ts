import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  countCommits,
  type GitCommit,
  GitHistoryError,
  type GitHistoryOptions,
  readGitHistory,
} from '../../src/tour/git-history.js';
import {
  type CommitSpec,
  git,
  type GitRepository,
  makeGitRepository,
  syntheticHistory,
  writeCommitObject,
} from '../support/git-repository.js';

const FOLDER = `.headwater-test/git-history-${process.pid}`;
let made = 0;

beforeAll(() => mkdir(FOLDER, { recursive: true }));
afterAll(() => rm(FOLDER, { recursive: true, force: true }));

function freshFolder(): string {
  made += 1;
  return `${FOLDER}/${made}`;
}

function repositoryOf(...commits: readonly CommitSpec[]): Promise<GitRepository> {
  return makeGitRepository(freshFolder(), commits);
}

async function read(
  repository: GitRepository | string,
  options?: Partial<GitHistoryOptions>,
): Promise<GitCommit[]> {
  const commits: GitCommit[] = [];
  const directory = typeof repository === 'string' ? repository : repository.directory;
  for await (const commit of readGitHistory({ repository: directory, ...options })) commits.push(commit);
  return commits;
}

async function changesOf(...commits: readonly CommitSpec[]): Promise<GitCommit['changes']> {
  const history = await read(await repositoryOf(...commits));
  return history.at(-1)?.changes ?? [];
}

async function refusalOf(options: GitHistoryOptions): Promise<GitHistoryError> {
  try {
    for await (const commit of readGitHistory(options)) expect(commit).toBeDefined();
  } catch (error) {
    if (error instanceof GitHistoryError) return error;
    throw error;
  }
  throw new Error('The history was read');
}

/** How many processes that we started have not been seen to their end. */
async function children(): Promise<number> {
  // Node forgets an ended one with the next turn of its loop.
  await delay(5);
  return process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap').length;
}

describe('a history', () => {
  it('is read oldest first, with author, dates, subject and parents', async () => {
    const repository = await repositoryOf(
      {
        message: 'Begin\n\nWith a body',
        authoredAt: 1_000_000_000,
        changes: [{ write: 'a', content: 'a\n' }],
      },
      {
        author: { name: 'Bo Åkesson', email: 'bo@example.org' },
        authoredAt: 1_000_000_060,
        committedAt: 1_000_000_090,
      },
    );
    const [first, second] = repository.hashes;
    expect(await read(repository)).toEqual([
      {
        hash: first,
        parents: [],
        author: { name: 'Ada Lind', email: 'ada@example.org' },
        authoredAt: new Date('2001-09-09T01:46:40Z'),
        committedAt: new Date('2001-09-09T01:46:40Z'),
        subject: 'Begin',
        changes: [{ kind: 'created', path: 'a', linesAdded: 1, linesRemoved: 0, binary: false }],
      },
      {
        hash: second,
        parents: [first],
        author: { name: 'Bo Åkesson', email: 'bo@example.org' },
        authoredAt: new Date('2001-09-09T01:47:40Z'),
        committedAt: new Date('2001-09-09T01:48:10Z'),
        subject: 'Commit 1',
        changes: [],
      },
    ]);
  });

  it('tells branches by date, and a parent before its children even if its date is later', async () => {
    const repository = await repositoryOf(
      { message: 'root', authoredAt: 5000 },
      { message: 'left 1', authoredAt: 100, parents: [0] },
      { message: 'left 2', authoredAt: 300, parents: [1] },
      { message: 'right 1', authoredAt: 200, parents: [0] },
      { message: 'right 2', authoredAt: 400, parents: [3] },
      { message: 'merge', authoredAt: 500, parents: [2, 4] },
    );
    const subjects = (await read(repository)).map((commit) => commit.subject);
    expect(subjects).toEqual(['root', 'left 1', 'right 1', 'left 2', 'right 2', 'merge']);
  });

  it('has merges of two and of many parents, as commits without changes', async () => {
    const repository = await repositoryOf(
      { changes: [{ write: 'a', content: 'a\n' }] },
      { parents: [0], changes: [{ write: 'b', content: 'b\n' }] },
      { parents: [0], changes: [{ write: 'c', content: 'c\n' }] },
      { parents: [0], changes: [{ write: 'd', content: 'd\n' }] },
      {
        parents: [1, 2, 3],
        changes: [
          { write: 'c', content: 'c\n' },
          { write: 'd', content: 'resolved\n' },
        ],
      },
    );
    const merge = (await read(repository)).at(-1);
    expect(merge?.parents).toEqual(repository.hashes.slice(1, 4));
    expect(merge?.changes).toEqual([]);
  });

  it('may have several roots', async () => {
    const repository = await repositoryOf(
      { changes: [{ write: 'a', content: 'a\n' }] },
      { parents: [], changes: [{ write: 'b', content: 'b\n' }] },
      { parents: [0, 1] },
    );
    const history = await read(repository);
    expect(history.map((commit) => commit.parents.length)).toEqual([0, 0, 2]);
    expect(history.map((commit) => commit.changes.length)).toEqual([1, 1, 0]);
  });

  it('is read after a revision, which may be a hash, a branch or a tag', async () => {
    const repository = await repositoryOf({}, {}, {}, {});
    git(repository.directory, 'tag', 'seen', repository.hashes[1] ?? '');
    for (const after of ['seen', repository.hashes[1] ?? '', 'main~2']) {
      const hashes = (await read(repository, { after })).map((commit) => commit.hash);
      expect(hashes).toEqual(repository.hashes.slice(2));
      expect(await countCommits({ repository: repository.directory, after })).toBe(2);
    }
    expect(await read(repository, { after: 'main' })).toEqual([]);
  });

  it('is read from a bare repository, a worktree, a SHA-256 repository and a shallow clone', async () => {
    const specs: CommitSpec[] = [
      { changes: [{ write: 'a', content: 'a\n' }] },
      { changes: [{ write: 'b', content: 'b\n' }] },
    ];
    const bare = await makeGitRepository(freshFolder(), specs, { bare: true });
    expect(await read(bare)).toHaveLength(2);

    const plain = await repositoryOf(...specs);
    git(plain.directory, 'worktree', 'add', '--quiet', `${plain.directory}-worktree`);
    expect(await read(`${plain.directory}-worktree`)).toHaveLength(2);

    const sha256 = await makeGitRepository(freshFolder(), specs, { objectFormat: 'sha256' });
    expect((await read(sha256)).map((commit) => commit.hash.length)).toEqual([64, 64]);

    const shallow = `${plain.directory}-shallow`;
    git('.', 'clone', '--quiet', '--depth=1', `file://${plain.directory}`, shallow);
    const [only, ...others] = await read(shallow);
    expect(others).toEqual([]);
    expect(only?.parents).toEqual([]);
    expect(only?.changes.map((change) => change.path)).toEqual(['a', 'b']);
    expect(await countCommits({ repository: shallow })).toBe(1);
  });

  it('reads the same whatever the configuration, the attributes and the environment say', async () => {
    const repository = await repositoryOf(
      {
        changes: [
          { write: '.gitattributes', content: '* -diff diff=odd\n' },
          { write: 'dir/a', content: 'a\nb\nc\nd\n' },
        ],
      },
      { changes: [{ rename: 'dir/a', to: 'dir/ö' }] },
      { changes: [{ write: 'b', content: 'b\n' }] },
    );
    const before = await read(repository);
    const { directory, hashes } = repository;
    for (const [name, value] of [
      ['diff.renames', 'false'],
      ['diff.noprefix', 'true'],
      ['diff.relative', 'true'],
      ['diff.orderFile', '/nowhere'],
      ['diff.external', '/bin/false'],
      ['diff.odd.command', '/bin/false'],
      ['diff.odd.textconv', '/bin/false'],
      ['core.quotePath', 'true'],
      ['core.pager', '/bin/false'],
      ['core.abbrev', '4'],
      ['color.ui', 'always'],
      ['log.showSignature', 'true'],
      ['log.showRoot', 'false'],
      ['log.date', 'relative'],
      ['log.decorate', 'full'],
      ['log.diffMerges', 'first-parent'],
      ['log.follow', 'true'],
      ['log.mailmap', 'true'],
      ['format.pretty', 'fuller'],
      ['i18n.logOutputEncoding', 'UTF-16'],
      ['notes.displayRef', '*'],
    ] as const) {
      git(directory, 'config', name, value);
    }
    git(directory, 'reset', '--quiet', '--hard');
    await writeFile(`${directory}/.mailmap`, 'Other <other@example.org> <ada@example.org>\n');
    git(directory, 'replace', hashes[2] ?? '', hashes[0] ?? '');
    const odd = {
      GIT_DIR: '/nowhere',
      GIT_EXTERNAL_DIFF: '/bin/false',
      GIT_TRACE: '1',
      GIT_DIFF_OPTS: '-u9',
    };
    Object.assign(process.env, odd);
    try {
      expect(await read(repository)).toEqual(before);
    } finally {
      for (const name of Object.keys(odd)) delete process.env[name];
    }
    expect(before.map((commit) => commit.changes.map((change) => change.linesAdded))).toEqual([
      [1, 4],
      [0],
      [1],
    ]);
  });
});

describe('the changes of a commit', () => {
  it('are created, changed, renamed and deleted files, with their lines', async () => {
    const ten = Array.from({ length: 10 }, (_, n) => `line ${n}\n`);
    const changes = await changesOf(
      {
        changes: [
          { write: 'changed', content: 'a\nb\n' },
          { write: 'deleted', content: 'something\nelse\n' },
          { write: 'moved', content: ten.join('') },
          { write: 'moved as it is', content: 'quite\nother\n' },
        ],
      },
      {
        changes: [
          { write: 'changed', content: 'a\nc\nd\n' },
          { write: 'created', content: 'new\n' },
          { remove: 'deleted' },
          { remove: 'moved' },
          { write: 'moved and edited', content: ten.with(4, 'edited\n').join('') },
          { rename: 'moved as it is', to: 'z' },
        ],
      },
    );
    const counted = (linesAdded: number, linesRemoved: number) => ({
      linesAdded,
      linesRemoved,
      binary: false,
    });
    expect(changes).toEqual([
      { kind: 'changed', path: 'changed', ...counted(2, 1) },
      { kind: 'created', path: 'created', ...counted(1, 0) },
      { kind: 'deleted', path: 'deleted', ...counted(0, 2) },
      { kind: 'renamed', from: 'moved', path: 'moved and edited', ...counted(1, 1) },
      { kind: 'renamed', from: 'moved as it is', path: 'z', ...counted(0, 0) },
    ]);
  });

  it('of binary files have no lines', async () => {
    const binary = { linesAdded: undefined, linesRemoved: undefined, binary: true };
    const noise = Buffer.from(Array.from({ length: 500 }, (_, n) => (n * 31) % 256));
    const created: CommitSpec = {
      changes: [
        { write: 'a.bin', content: noise },
        { write: 'b.txt', content: 'b\n' },
      ],
    };
    expect(await changesOf(created)).toEqual([
      { kind: 'created', path: 'a.bin', ...binary },
      { kind: 'created', path: 'b.txt', linesAdded: 1, linesRemoved: 0, binary: false },
    ]);
    const edited = Buffer.concat([noise, Buffer.from([0, 1])]);
    const moved: CommitSpec = { changes: [{ remove: 'a.bin' }, { write: 'c.bin', content: edited }] };
    expect(await changesOf(created, moved)).toEqual([
      { kind: 'renamed', from: 'a.bin', path: 'c.bin', ...binary },
    ]);
  });

  it('may be of mode only, of type, of symbolic links and of submodules', async () => {
    const changes = await changesOf(
      {
        changes: [
          { write: 'file to link', content: 'target\n' },
          { write: 'link', content: 'there', mode: '120000' },
          { write: 'made executable', content: 'a\n' },
          { submodule: 'sub', commit: '1'.repeat(40) },
        ],
      },
      {
        changes: [
          { write: 'file to link', content: 'target', mode: '120000' },
          { write: 'link', content: 'elsewhere', mode: '120000' },
          { write: 'made executable', content: 'a\n', mode: '100755' },
          { submodule: 'sub', commit: '2'.repeat(40) },
        ],
      },
    );
    expect(
      changes.map((change) => [change.kind, change.path, change.linesAdded, change.linesRemoved]),
    ).toEqual([
      ['changed', 'file to link', 1, 1],
      ['changed', 'link', 1, 1],
      ['changed', 'made executable', 0, 0],
      ['changed', 'sub', 1, 1],
    ]);
  });

  it('call a copy created', async () => {
    const content = 'a\nb\nc\nd\ne\nf\n';
    const changes = await changesOf(
      { changes: [{ write: 'a', content }] },
      {
        changes: [
          { write: 'a', content: `${content}g\n` },
          { write: 'b', content },
        ],
      },
    );
    expect(changes.map((change) => change.kind)).toEqual(['changed', 'created']);
  });

  it('may be 50,000 in number', async () => {
    const changes = await changesOf({
      changes: Array.from({ length: 50_000 }, (_, n) => ({
        write: `d${n % 50}/f${n}`,
        content: `${n % 10}\n`,
      })),
    });
    expect(changes).toHaveLength(50_000);
    expect(new Set(changes.map((change) => change.path)).size).toBe(50_000);
    expect(changes.every((change) => change.kind === 'created' && change.linesAdded === 1)).toBe(true);
  });
});

describe('a path', () => {
  it('is a string without control characters, whatever its bytes, and no two paths share one', async () => {
    const bytes = (text: string) => Buffer.from(text, 'latin1');
    const names: readonly (readonly [string | Buffer, string])[] = [
      ['with space', 'with space'],
      ['"quoted"', '"quoted"'],
      ['back\\slash', 'back\\slash'],
      ['-rf', '-rf'],
      [':100644 100644 M', ':100644 100644 M'],
      ['commit 0123', 'commit 0123'],
      ['tab\there', 'tab%09here'],
      ['new\nline', 'new%0Aline'],
      ['\n', '%0A'],
      ['c1 \u0085 control', 'c1 %C2%85 control'],
      ['grüße/日本語 🌊', 'grüße/日本語 🌊'],
      ['\uFEFFmark', '\uFEFFmark'],
      ['\uFFFD', '\uFFFD'],
      [bytes('caf\xe9'), 'caf%E9'],
      [bytes('\xf0\x9f\x8c'), '%F0%9F%8C'],
      [bytes('\xed\xa0\x80 surrogate'), '%ED%A0%80 surrogate'],
      [bytes('\xe9\xc3\xa9\n%41'), '%E9é%0A%2541'],
      ['100%', '100%'],
      ['100% sure', '100% sure'],
      ['new%0Aline', 'new%250Aline'],
      ['%2541', '%252541'],
      ['%%41', '%%2541'],
      ['%\n', '%%0A'],
      ['x'.repeat(4000), 'x'.repeat(4000)],
    ];
    const changes = await changesOf({ changes: names.map(([write]) => ({ write, content: 'a\n' })) });
    const paths = changes.map((change) => change.path);
    expect(paths.toSorted()).toEqual(names.map(([, path]) => path).toSorted());
    expect(new Set(paths).size).toBe(names.length);
    expect(changes.every((change) => change.linesAdded === 1)).toBe(true);
  });

  it('is escaped on both sides of a rename', async () => {
    const changes = await changesOf(
      { changes: [{ write: '\t', content: 'a\nb\n' }] },
      { changes: [{ rename: '\t', to: Buffer.from([0xff]) }] },
    );
    expect(changes).toMatchObject([{ kind: 'renamed', from: '%09', path: '%FF', linesAdded: 0 }]);
  });
});

describe('an odd commit', () => {
  const tree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

  async function commitOf(...lines: readonly (string | Buffer)[]): Promise<GitCommit | undefined> {
    const repository = await repositoryOf();
    git(repository.directory, { input: '' }, 'hash-object', '-t', 'tree', '-w', '--stdin');
    const content = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]));
    writeCommitObject(repository.directory, Buffer.concat([Buffer.from(`tree ${tree}\n`), content]));
    return (await read(repository)).at(0);
  }

  it('may have an author without a name, and no subject', async () => {
    const commit = await commitOf('author  <> 1000000000 +0000', 'committer  <> 1000000000 +0000', '');
    expect(commit).toMatchObject({ author: { name: '', email: '' }, subject: '' });
  });

  it('has no control characters in its names, and U+FFFD for bytes that are no UTF-8', async () => {
    const author = Buffer.from('author \x01M\xf8rk\x1b[31m <m\x07@example.org> 1000000000 +0000', 'latin1');
    const subject = Buffer.from('B\xe5d\x07 subject\r', 'latin1');
    const commit = await commitOf(author, 'committer A <a@b> 1000000000 +0000', '', subject);
    expect(commit?.author).toEqual({ name: 'M\uFFFDrk [31m', email: 'm @example.org' });
    expect(commit?.subject).toBe('B\uFFFDd  subject');
  });

  it('is read with a < in its author and even without an author', async () => {
    const nested = await commitOf(
      'author A < B <a@b> 1000000000 +0000',
      'committer A <a@b> 1000000000 +0000',
      '',
      'x',
    );
    expect(nested?.subject).toBe('x');
    const none = await commitOf('committer A <a@b> 1000000000 +0000', '', 'x');
    expect(none).toMatchObject({ author: { name: '', email: '' }, authoredAt: new Date(1_000_000_000_000) });
  });

  it('is decoded from the encoding that it names', async () => {
    const subject = Buffer.from('Gr\xfc\xdfe', 'latin1');
    const author = 'author A <a@b> 1000000000 +0000';
    const commit = await commitOf(
      author,
      author.replace('author', 'committer'),
      'encoding ISO-8859-1',
      '',
      subject,
    );
    expect(commit?.subject).toBe('Grüße');
  });

  it.each([
    ['4102444800', '2100-01-01T00:00:00.000Z'],
    ['0', '1970-01-01T00:00:00.000Z'],
    ['253402300800', '9999-12-31T23:59:59.000Z'],
    ['99999999999999999999999', '9999-12-31T23:59:59.000Z'],
    ['-2208988800', '2001-09-09T01:46:40.000Z'],
    ['yesterday', '2001-09-09T01:46:40.000Z'],
    ['', '2001-09-09T01:46:40.000Z'],
  ])('authored at %o has the date %s', async (seconds, date) => {
    const commit = await commitOf(
      `author A <a@b> ${seconds} +0000`,
      'committer A <a@b> 1000000000 +0000',
      '',
      'x',
    );
    expect(commit?.authoredAt.toISOString()).toBe(date);
    expect(commit?.committedAt.toISOString()).toBe('2001-09-09T01:46:40.000Z');
  });

  it('without any date is from 1970', async () => {
    const commit = await commitOf('author A <a@b> -1 +0000', 'committer A <a@b>', '', 'x');
    expect(commit).toMatchObject({ authoredAt: new Date(0), committedAt: new Date(0) });
  });

  it('with a huge name and subject has them cut, between characters', async () => {
    const name = 'n'.repeat(100_000);
    const author = `author ${name} <${name}> 1000000000 +0000`;
    const commit = await commitOf(
      author,
      author.replace('author', 'committer'),
      '',
      `x${'🌊'.repeat(1_000_000)}`,
    );
    expect(commit?.author).toEqual({ name: 'n'.repeat(256), email: 'n'.repeat(256) });
    expect(commit?.subject).toBe(`x${'🌊'.repeat(499)}`);
  });

  it('may have a subject that looks like what git prints between commits', async () => {
    const message = `commit ${'0'.repeat(40)}\t1\t1\t:100644`;
    const history = await read(await repositoryOf({ message }, { message: '1\t2\tx' }));
    expect(history.map((commit) => commit.subject)).toEqual([message.replaceAll('\t', ' '), '1 2 x']);
  });
});

describe('what cannot be read is refused in a sentence', () => {
  it('when there is no git', async () => {
    const { directory } = await repositoryOf({});
    const error = await refusalOf({ repository: directory, git: 'no-such-git' });
    expect(error.reason).toBe('git_not_found');
    expect(error.message).toBe('No git is installed: "no-such-git" was not found');
  });

  it.each(['nowhere', '.', '\0'])('when %o in a folder is no repository', async (name) => {
    const folder = freshFolder();
    await mkdir(folder);
    const error = await refusalOf({ repository: `${folder}/${name}` });
    expect(error.reason).toBe('not_a_repository');
    expect(error.message).toBe(`${folder}/${name} is not a git repository`);
  });

  it('when .git is not what it seems', async () => {
    const folder = freshFolder();
    await mkdir(`${folder}/.git`, { recursive: true });
    expect((await refusalOf({ repository: folder })).reason).toBe('not_a_repository');
  });

  it('when there are no commits yet', async () => {
    const { directory } = await repositoryOf();
    const error = await refusalOf({ repository: directory });
    expect(error).toMatchObject({ reason: 'no_commits', message: `${directory} has no commits yet` });
    await expect(countCommits({ repository: directory })).rejects.toMatchObject({ reason: 'no_commits' });
  });

  it.each(['nobody', '-x', '--all', '', 'main..main', '0'.repeat(40), '1'.repeat(40), 'a\0b', 'main^{tree}'])(
    'when the revision %o is unknown',
    async (after) => {
      const { directory } = await repositoryOf({});
      const error = await refusalOf({ repository: directory, after });
      expect(error.reason).toBe('unknown_revision');
      expect(error.message).toBe(`${directory} has no commit ${JSON.stringify(after)}`);
    },
  );

  it('when the configuration of the repository is broken', async () => {
    const { directory } = await repositoryOf({});
    await writeFile(`${directory}/.git/config`, '[core\n');
    const error = await refusalOf({ repository: directory });
    expect(error.reason).toBe('git_failed');
    expect(error.message).toContain('bad config line 1');
  });

  it('when the clone is partial, without going to the network', async () => {
    const { directory } = await repositoryOf({ changes: [{ write: 'a', content: 'a\n' }] });
    git(directory, 'config', 'uploadpack.allowFilter', 'true');
    const partial = `${directory}-partial`;
    git('.', 'clone', '--quiet', '--bare', '--filter=blob:none', `file://${directory}`, partial);
    expect((await refusalOf({ repository: partial })).reason).toBe('partial_clone');
  });

  it('when git ends in the middle, with what git said', async () => {
    const { directory } = await repositoryOf({ changes: [{ write: 'a', content: 'a\n' }] });
    const dying = await script(`printf 'commit 01\\0\\0' ; echo 'fatal: the disk is gone' >&2 ; exit 128`);
    const before = await children();
    const error = await refusalOf({ repository: directory, git: dying });
    expect(error.message).toBe(`Git could not read ${directory}: the disk is gone`);
    expect(await children()).toBe(before);
  });

  it('when a file of the repository is missing, after the commits before it', async () => {
    const { directory } = await repositoryOf({}, { changes: [{ write: 'a', content: 'a\n' }] });
    const blob = git(directory, 'rev-parse', 'main:a');
    await rm(`${directory}/.git/objects/${blob.slice(0, 2)}/${blob.slice(2)}`);
    const history = readGitHistory({ repository: directory })[Symbol.asyncIterator]();
    await expect(history.next()).resolves.toMatchObject({ value: { subject: 'Commit 0' } });
    await expect(history.next()).rejects.toMatchObject({
      reason: 'git_failed',
      message: `Git could not read ${directory}: unable to read ${blob}`,
    });
  });

  it('when git is killed', async () => {
    const { directory } = await repositoryOf({});
    const error = await refusalOf({ repository: directory, git: await script('kill -9 $$') });
    expect(error.message).toBe(`Git could not read ${directory}: it was stopped from outside`);
  });

  it.each([
    ['an entry of unknown form', `printf 'what\\0'`],
    ['ends where parents was expected', `printf 'commit 01\\0'`],
    ['ends where entry was expected', `printf 'comm'`],
  ])('when git prints something else: %s', async (what, printing) => {
    const { directory } = await repositoryOf({});
    const error = await refusalOf({ repository: directory, git: await script(printing) });
    expect(error.reason).toBe('git_failed');
    expect(error.message).toContain(what);
  });

  /** A git that finds revisions, but has `command` for `git log`. */
  async function script(command: string): Promise<string> {
    made += 1;
    const path = `${process.cwd()}/${FOLDER}/git-${made}`;
    await writeFile(path, `#!/bin/sh\ncase "$*" in *--reverse*) ${command} ;; *) exec git "$@" ;; esac\n`);
    await chmod(path, 0o755);
    return path;
  }
});

describe.runIf(process.getuid?.() === 0)('as root', () => {
  it("reads another user's repository", async () => {
    const repository = await repositoryOf({});
    await chown(repository.directory, 65_534, 65_534);
    await chown(`${repository.directory}/.git`, 65_534, 65_534);
    expect(await read(repository)).toHaveLength(1);
  });
});

describe('a history of 20,000 commits', () => {
  const COMMITS = 20_000;
  let repository: GitRepository;

  beforeAll(async () => {
    repository = await makeGitRepository(freshFolder(), syntheticHistory({ commits: COMMITS, seed: 7 }));
  }, 120_000);

  it('is read whole, parents first and as git counts it, while the heap does not grow', async () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    const heap = (): number => {
      if (typeof collect === 'function') collect();
      return process.memoryUsage().heapUsed;
    };
    const seen = new Set<string>();
    const kinds = { created: 0, changed: 0, deleted: 0, renamed: 0 };
    let merges = 0;
    let smallest = Number.POSITIVE_INFINITY;
    let largest = 0;
    for await (const commit of readGitHistory({ repository: repository.directory })) {
      expect(commit.parents.every((parent) => seen.has(parent))).toBe(true);
      seen.add(commit.hash);
      if (commit.parents.length > 1) merges += 1;
      for (const change of commit.changes) kinds[change.kind] += 1;
      if (seen.size % 2500 === 0) {
        const now = heap();
        smallest = Math.min(smallest, now);
        largest = Math.max(largest, now);
      }
    }
    expect([...seen].toSorted()).toEqual(repository.hashes.toSorted());
    expect(await countCommits({ repository: repository.directory })).toBe(COMMITS);
    expect(merges).toBeGreaterThan(300);
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(500);
    // The commits themselves are some 25 MB; the set of hashes above is 3.
    expect(largest - smallest).toBeLessThan(10_000_000);
  }, 120_000);

  it('waits while nobody reads, and stops git when the reader leaves', async () => {
    const before = await children();
    let read = 0;
    for await (const commit of readGitHistory({ repository: repository.directory })) {
      expect(commit.hash).toBe(repository.hashes[0]);
      read += 1;
      // Git would be done with all of it in half of this, were it not held up by a full pipe.
      await delay(3000);
      expect(await children()).toBe(before + 1);
      break;
    }
    expect(read).toBe(1);
    expect(await children()).toBe(before);
  });

  it('stops at once when aborted, with the reason, also while the reader is elsewhere', async () => {
    const reason = new Error('Enough');
    const before = await children();
    const controller = new AbortController();
    const history = readGitHistory({ repository: repository.directory, signal: controller.signal });
    const iterator = history[Symbol.asyncIterator]();
    await iterator.next();
    expect(await children()).toBe(before + 1);
    controller.abort(reason);
    await expect(iterator.next()).rejects.toBe(reason);
    expect(await children()).toBe(before);
    await expect(iterator.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it('is not begun when aborted before', async () => {
    const reason = new Error('Never mind');
    const options = { repository: repository.directory, signal: AbortSignal.abort(reason) };
    await expect(readGitHistory(options)[Symbol.asyncIterator]().next()).rejects.toBe(reason);
    await expect(countCommits(options)).rejects.toBe(reason);
  });
});
