import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Git takes paths and texts as bytes; a string is its UTF-8. */
export type Bytes = string | Uint8Array;

/** A commit to be made. What is left out is the same each time, so that equal histories have equal hashes. */
export interface CommitSpec {
  /** @default 'Commit <n>' */
  readonly message?: Bytes;
  /** Without `<`, `>` and newlines: git refuses those here; see `writeCommitObject`. */
  readonly author?: { readonly name: Bytes; readonly email: Bytes };
  /** Seconds since 1970. @default 1,000,000,000 + 60 for each commit before it */
  readonly authoredAt?: number;
  /** Seconds since 1970. @default authoredAt */
  readonly committedAt?: number;
  /**
   * The places of the parents in the list of commits: none for a root, several for a merge. The files are
   * those of the first; a merge takes over nothing from the others, unless `changes` says so.
   * @default the commit before
   */
  readonly parents?: readonly number[];
  /** In order. @default none: an empty commit */
  readonly changes?: readonly FileOperation[];
}

export type FileOperation =
  | {
      readonly write: Bytes;
      readonly content: Bytes;
      /**
       * 100644, 100755 (executable) or 120000 (a symbolic link, its content being the target). @default
       * '100644'
       */
      readonly mode?: '100644' | '100755' | '120000';
    }
  /** A submodule at some commit of another repository. */
  | { readonly submodule: Bytes; readonly commit: string }
  | { readonly remove: Bytes }
  | { readonly rename: Bytes; readonly to: Bytes };

export interface GitRepository {
  readonly directory: string;
  /** Of the commits, in the order given. */
  readonly hashes: readonly string[];
}

export interface MakeGitRepositoryOptions {
  /** Without a `.git` folder of its own. @default false */
  readonly bare?: boolean;
  /** @default 'sha1' */
  readonly objectFormat?: 'sha1' | 'sha256';
}

/**
 * Makes a repository of `commits` in `directory`, replacing what is there; `main` is the last of them.
 * Nothing is checked out. Made by `git fast-import`: some 4,000 commits a second.
 *
 * @example
 * const { directory, hashes } = await makeGitRepository('.headwater-test/one', [
 *   { changes: [{ write: 'a.txt', content: 'a\n' }] },
 *   { message: 'Move it', changes: [{ rename: 'a.txt', to: 'b.txt' }] },
 * ]);
 */
export async function makeGitRepository(
  directory: string,
  commits: Iterable<CommitSpec>,
  options: MakeGitRepositoryOptions = {},
): Promise<GitRepository> {
  const { bare = false, objectFormat = 'sha1' } = options;
  const folder = resolve(directory);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  git(folder, 'init', '--quiet', `--object-format=${objectFormat}`, ...(bare ? ['--bare'] : []));
  git(folder, 'symbolic-ref', 'HEAD', 'refs/heads/main');

  const marks = join(folder, bare ? 'marks' : '.git/marks');
  // Compressing would take a third of the time.
  const uncompressed = ['-c', 'core.compression=0', '-c', 'pack.compression=0'];
  const child = spawn(
    'git',
    ['-C', folder, ...uncompressed, 'fast-import', '--quiet', '--force', `--export-marks=${marks}`],
    {
      env: gitEnvironment(),
      stdio: ['pipe', 'ignore', 'pipe'],
    },
  );
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  child.stdin.on('error', () => (complaint += 'git closed its input\n'));
  const closed = once(child, 'close');
  let number = 0;
  try {
    for (const commit of commits) {
      const room = child.stdin.write(commitCommands(commit, number));
      number += 1;
      if (!room) await Promise.race([once(child.stdin, 'drain'), closed]);
    }
  } finally {
    child.stdin.end();
  }
  const [code] = await closed;
  if (code !== 0) throw new Error(`git fast-import failed: ${complaint}`);
  if (number === 0) return { directory: folder, hashes: [] };

  const hashes: string[] = [];
  for (const line of (await readFile(marks, 'utf8')).split('\n')) {
    const [mark, hash] = line.split(' ');
    if (mark !== undefined && hash !== undefined) hashes[Number(mark.slice(1)) - 1] = hash;
  }
  await rm(marks);
  return { directory: folder, hashes };
}

/**
 * Writes a commit as these very bytes, without any of git's checks, makes it `main` and returns its hash. For
 * what no git would write, but some repository contains: authors with `<`, dates that are none.
 */
export function writeCommitObject(directory: string, content: Bytes): string {
  const hash = git(
    directory,
    { input: content },
    'hash-object',
    '-t',
    'commit',
    '-w',
    '--literally',
    '--stdin',
  );
  git(directory, 'update-ref', 'refs/heads/main', hash);
  return hash;
}

/**
 * Runs git in `directory`, with no one's configuration, and returns what it printed, without the last
 * newline.
 */
export function git(directory: string, ...args: readonly (string | { readonly input: Bytes })[]): string {
  let input: Bytes = '';
  const words: string[] = [];
  for (const arg of args) {
    if (typeof arg === 'string') words.push(arg);
    else input = arg.input;
  }
  const run = spawnSync('git', ['-C', directory, ...words], {
    env: gitEnvironment(),
    input,
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`git ${words.join(' ')} failed: ${run.stderr}`);
  return run.stdout.trimEnd();
}

export interface SyntheticHistoryOptions {
  /** How many commits, merges included. */
  readonly commits: number;
  /** Equal seeds give equal histories, hashes included. */
  readonly seed: number;
}

/**
 * A plausible history for `makeGitRepository`: six authors create, edit, move and delete up to some 300
 * source files, a few of them binary; one commit in 25 begins a branch of one to six commits, which is
 * merged. Lazy: 20,000 commits take a few seconds to make and little memory. Branches touch files of their
 * own only, so that a path's life reads consistently in any order of parents before children.
 */
export function* syntheticHistory(options: SyntheticHistoryOptions): Generator<CommitSpec, void, undefined> {
  const project = new SyntheticProject(options.seed);
  let made = 0;
  let main: number | undefined;
  while (made < options.commits) {
    const branchLength = made > 0 && project.chance(0.04) ? 1 + project.below(6) : 0;
    if (branchLength === 0 || made + branchLength + 2 > options.commits || main === undefined) {
      yield project.commit(made, main === undefined ? [] : [main], project.work());
      main = made;
      made += 1;
      continue;
    }
    // The branch begins here, `main` goes on by one commit, and then they meet.
    const merged: FileOperation[] = [];
    let tip = main;
    for (let n = 0; n < branchLength; n += 1) {
      const changes = [project.create()];
      merged.push(...changes);
      yield project.commit(made, [tip], changes);
      tip = made;
      made += 1;
    }
    const untouched = new Set(merged.map((change) => ('write' in change ? change.write : '')));
    yield project.commit(made, [main], project.work(untouched));
    yield { ...project.commit(made + 1, [made, tip], merged), message: `Merge branch 'topic-${tip}'` };
    main = made + 1;
    made += 2;
  }
}

const AUTHORS = [
  'Ada Lind',
  'Bo Åkesson',
  'Chi Nakamura',
  'Dag Øverland',
  'Eve Brandt',
  'Fay O’Neil',
] as const;
const AREAS = ['src/ledger', 'src/accounts', 'src/http', 'test', 'docs', 'assets'] as const;
const VERBS = ['Add', 'Fix', 'Rework', 'Explain', 'Simplify', 'Test'] as const;
const MOST_FILES = 300;

class SyntheticProject {
  #state: number;
  #serial = 0;
  readonly #files: { path: string; lines: string[] }[] = [];

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  commit(number: number, parents: readonly number[], changes: readonly FileOperation[]): CommitSpec {
    const name = this.#pick(AUTHORS);
    const email = `${name.slice(0, name.indexOf(' ')).toLowerCase()}@example.org`;
    const message = `${this.#pick(VERBS)} ${this.#pick(AREAS)} (${number})\n\nBecause it was asked for.\n`;
    return { author: { name, email }, authoredAt: 1_200_000_000 + number * 900, message, parents, changes };
  }

  /** One to four changes to different files, none of them in `untouched`. */
  work(untouched: ReadonlySet<Bytes> = new Set()): FileOperation[] {
    const touched = new Set(untouched);
    const changes: FileOperation[] = [];
    for (let left = 1 + this.below(4); left > 0; left -= 1) {
      const at = this.below(this.#files.length);
      const file = this.#files[at];
      const grows = this.#files.length < 20 || (this.#files.length < MOST_FILES && this.chance(0.15));
      if (file === undefined || grows) {
        const created = this.create();
        touched.add(created.write);
        changes.push(created);
      } else if (!touched.has(file.path)) {
        touched.add(file.path);
        changes.push(this.#alter(file, at));
      }
    }
    return changes;
  }

  create(): { write: string; content: Bytes } {
    this.#serial += 1;
    const area = this.#pick(AREAS);
    if (area === 'assets') {
      const path = `${area}/picture-${this.#serial}.bin`;
      return { write: path, content: Buffer.from([0, 1, 2, this.#serial & 255, this.#serial >>> 8]) };
    }
    const lines = Array.from({ length: 5 + this.below(30) }, () => this.#line());
    const path = `${area}/part-${this.#serial}.ts`;
    this.#files.push({ path, lines });
    return { write: path, content: text(lines) };
  }

  #alter(file: { path: string; lines: string[] }, at: number): FileOperation {
    const dice = this.#random();
    if (dice < 0.05) {
      this.#files.splice(at, 1);
      return { remove: file.path };
    }
    if (dice < 0.1) {
      const from = file.path;
      this.#serial += 1;
      file.path = `${this.#pick(AREAS.slice(0, 4))}/moved-${this.#serial}.ts`;
      return { rename: from, to: file.path };
    }
    const line = this.below(file.lines.length);
    if (dice < 0.4 && file.lines.length < 60) file.lines.splice(line, 0, this.#line(), this.#line());
    else if (dice < 0.5 && file.lines.length > 5) file.lines.splice(line, 1);
    else file.lines[line] = this.#line();
    return { write: file.path, content: text(file.lines) };
  }

  #line(): string {
    return `const value${this.below(10_000)} = compute(${this.below(1_000_000)}, '${this.#pick(VERBS)}');`;
  }

  #pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError('Nothing to pick from');
    return value;
  }

  /** Mulberry32: small, fast, and equal everywhere. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

/** The commit as commands for `git fast-import`; marks count from 1. */
function commitCommands(commit: CommitSpec, number: number): Buffer {
  const { author = { name: 'Ada Lind', email: 'ada@example.org' }, changes = [] } = commit;
  const authoredAt = commit.authoredAt ?? 1_000_000_000 + 60 * number;
  const parents = commit.parents ?? (number === 0 ? [] : [number - 1]);
  const who = joined([author.name, ' <', author.email, '>']);
  const parts: Bytes[] = [
    // Forgets where the branch was, so that a commit without parents is a root.
    parents.length === 0 ? 'reset refs/heads/main\n\n' : '',
    `commit refs/heads/main\nmark :${number + 1}\n`,
    joined(['author ', who, ` ${authoredAt} +0000\n`]),
    joined(['committer ', who, ` ${commit.committedAt ?? authoredAt} +0000\n`]),
    ...data(commit.message ?? `Commit ${number}`),
    ...parents.map((parent, place) => {
      if (place > 0) return `merge :${parent + 1}\n`;
      // Told where it is already, fast-import would read the files' tree again.
      return parent === number - 1 ? '' : `from :${parent + 1}\n`;
    }),
  ];
  for (const change of changes) {
    if ('write' in change) {
      parts.push(`M ${change.mode ?? '100644'} inline `, quoted(change.write), '\n', ...data(change.content));
    } else if ('submodule' in change) {
      parts.push(`M 160000 ${change.commit} `, quoted(change.submodule), '\n');
    } else if ('remove' in change) parts.push('D ', quoted(change.remove), '\n');
    else parts.push('R ', quoted(change.rename), ' ', quoted(change.to), '\n');
  }
  parts.push('\n');
  return joined(parts);
}

function data(content: Bytes): Bytes[] {
  const bytes = Buffer.from(content);
  return [`data ${bytes.length}\n`, bytes, '\n'];
}

/** As a C string in octal, which any byte can be written in. */
function quoted(path: Bytes): string {
  let escaped = '';
  for (const byte of Buffer.from(path)) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    escaped += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return `"${escaped}"`;
}

function joined(parts: readonly Bytes[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

function gitEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
}
