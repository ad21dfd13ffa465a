import type { GitChange, GitCommit } from './git-commit.js';
import { dateOfSeconds, escapePath, readableText } from './git-text.js';

/** What `git log` is asked for, and what `parseGitLog` reads: the two belong together. */
export const GIT_LOG_FORMAT = [
  '-z',
  '--raw',
  '--numstat',
  '--no-abbrev',
  '--format=tformat:commit %H%x00%P%x00%at%x00%ct%x00%an%x00%ae%x00%s',
] as const;

const SUBJECT_LIMIT = 1000;
const NAME_LIMIT = 256;
/**
 * Of a name, an address or a subject no more bytes than this are kept, though a commit may hold megabytes.
 */
const TEXT_BYTES = 8192;

const FIELDS = ['hash', 'parents', 'authored', 'committed', 'name', 'email', 'subject'] as const;
type Field = (typeof FIELDS)[number];
/** Where the parser stands: in the head of a commit, before an entry, or at a path that belongs to one. */
type Expected = Field | 'entry' | 'raw path' | 'raw from' | 'numstat from' | 'numstat path';

/**
 * Reads the output of `git log` (with `GIT_LOG_FORMAT`) as commits.
 *
 * Takes the next chunk only when the commits of the last one have been taken, and holds nothing but that
 * chunk and the commit it is in. Throws a `SyntaxError` for output that is not of that form.
 *
 * The form: seven fields, each ended by a NUL, the first beginning with `commit `. For a commit with changes
 * a newline, then all `--raw` entries, then all `--numstat` entries in the same order, each ended by a NUL:
 *
 *     :<mode> <mode> <oid> <oid> <status>\0<path>\0                  <added>\t<removed>\t<path>\0
 *     :<mode> <mode> <oid> <oid> R<score>\0<from>\0<path>\0          <added>\t<removed>\t\0<from>\0<path>\0
 *
 * So the first byte tells the three apart (`c`, `:`, a digit or `-`), and a path, which may begin with
 * anything, is never looked at where one of the three is expected.
 */
export async function* parseGitLog(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<GitCommit, void, undefined> {
  const parser = new GitLogParser();
  for await (const chunk of chunks) yield* parser.push(chunk);
  const last = parser.end();
  if (last !== undefined) yield last;
}

class GitLogParser {
  #expected: Expected = 'entry';
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #commit: CommitDraft | undefined;

  *push(chunk: Buffer): Generator<GitCommit, void, undefined> {
    let start = 0;
    for (let end = chunk.indexOf(0); end !== -1; end = chunk.indexOf(0, start)) {
      const finished = this.#accept(this.#complete(chunk.subarray(start, end)));
      start = end + 1;
      if (finished !== undefined) yield finished;
    }
    this.#keep(chunk.subarray(start));
  }

  end(): GitCommit | undefined {
    if (this.#partialBytes > 0 || this.#expected !== 'entry') {
      throw new SyntaxError(`Git's output ends where ${this.#expected} was expected`);
    }
    return this.#commit?.finish();
  }

  #keep(part: Buffer): void {
    const isText = this.#expected === 'name' || this.#expected === 'email' || this.#expected === 'subject';
    const kept = isText ? part.subarray(0, Math.max(0, TEXT_BYTES - this.#partialBytes)) : part;
    if (kept.length === 0) return;
    this.#partial.push(kept);
    this.#partialBytes += kept.length;
  }

  #complete(rest: Buffer): Buffer {
    if (this.#partialBytes === 0) return rest;
    this.#keep(rest);
    const token = Buffer.concat(this.#partial, this.#partialBytes);
    this.#partial = [];
    this.#partialBytes = 0;
    return token;
  }

  /** The commit before, when `token` begins a new one. */
  #accept(token: Buffer): GitCommit | undefined {
    if (this.#expected === 'entry') return this.#acceptEntry(token);
    const commit = this.#commit;
    if (commit === undefined) throw new SyntaxError(`Git's output has ${this.#expected} before any commit`);
    switch (this.#expected) {
      case 'raw from':
        commit.rawFrom(token);
        this.#expected = 'raw path';
        break;
      case 'raw path':
        commit.rawPath(token);
        this.#expected = 'entry';
        break;
      case 'numstat from':
        this.#expected = 'numstat path';
        break;
      case 'numstat path':
        commit.numstatPath(token);
        this.#expected = 'entry';
        break;
      default:
        commit.field(this.#expected, token);
        this.#expected = FIELDS[FIELDS.indexOf(this.#expected) + 1] ?? 'entry';
    }
    return undefined;
  }

  #acceptEntry(token: Buffer): GitCommit | undefined {
    const entry = token.toString('latin1', token[0] === 0x0a ? 1 : 0, Math.min(token.length, 256));
    if (entry.startsWith('commit ')) {
      const finished = this.#commit?.finish();
      this.#commit = new CommitDraft(entry.slice('commit '.length));
      this.#expected = 'parents';
      return finished;
    }
    const status = /^:\d+ \d+ [0-9a-f]+ [0-9a-f]+ ([A-Z])\d*$/.exec(entry)?.[1];
    if (status !== undefined) {
      this.#commit?.raw(status);
      this.#expected = status === 'R' || status === 'C' ? 'raw from' : 'raw path';
      return undefined;
    }
    const numstat = /^(-|\d+)\t(-|\d+)\t/.exec(entry);
    if (numstat === null)
      throw new SyntaxError(`Git's output has an entry of unknown form: ${JSON.stringify(entry)}`);
    this.#commit?.numstat(numstat[1], numstat[2]);
    const pathStart = numstat[0].length + (token[0] === 0x0a ? 1 : 0);
    if (pathStart === token.length) this.#expected = 'numstat from';
    else this.#commit?.numstatPath(token.subarray(pathStart));
    return undefined;
  }
}

interface ChangeDraft {
  readonly status: string;
  from: Buffer | undefined;
  path: Buffer;
  added: number | undefined;
  removed: number | undefined;
  binary: boolean;
}

/** Paths stay bytes until the commit is whole, as the two lists of entries are matched by them. */
class CommitDraft {
  readonly #hash: string;
  #parents: readonly string[] = [];
  #authored: Date | undefined;
  #committed: Date | undefined;
  #name = '';
  #email = '';
  #subject = '';
  readonly #changes: ChangeDraft[] = [];
  #counted = 0;
  #added: number | undefined;
  #removed: number | undefined;

  constructor(hash: string) {
    this.#hash = hash;
  }

  field(field: Field, token: Buffer): void {
    if (field === 'parents') {
      const parents = token.toString('latin1');
      this.#parents = parents === '' ? [] : parents.split(' ');
    } else if (field === 'authored') this.#authored = dateOfSeconds(token.toString('latin1'));
    else if (field === 'committed') this.#committed = dateOfSeconds(token.toString('latin1'));
    else if (field === 'name') this.#name = readableText(token, NAME_LIMIT);
    else if (field === 'email') this.#email = readableText(token, NAME_LIMIT);
    else if (field === 'subject') this.#subject = readableText(token, SUBJECT_LIMIT);
  }

  raw(status: string): void {
    const path = Buffer.alloc(0);
    this.#changes.push({
      status,
      from: undefined,
      path,
      added: undefined,
      removed: undefined,
      binary: false,
    });
  }

  rawFrom(from: Buffer): void {
    const change = this.#changes.at(-1);
    if (change !== undefined) change.from = from;
  }

  rawPath(path: Buffer): void {
    const change = this.#changes.at(-1);
    if (change !== undefined) change.path = path;
  }

  numstat(added: string | undefined, removed: string | undefined): void {
    this.#added = added === '-' ? undefined : Number(added);
    this.#removed = removed === '-' ? undefined : Number(removed);
  }

  /**
   * Git leaves an entry out of `--numstat` if its contents are equal after all: hence by path, not by
   * position.
   */
  numstatPath(path: Buffer): void {
    for (let at = this.#counted; at < this.#changes.length; at += 1) {
      const change = this.#changes[at];
      if (change === undefined || !change.path.equals(path)) continue;
      change.added = this.#added;
      change.removed = this.#removed;
      change.binary = this.#added === undefined;
      this.#counted = at + 1;
      return;
    }
  }

  finish(): GitCommit {
    const authoredAt = this.#authored ?? this.#committed ?? new Date(0);
    return {
      hash: this.#hash,
      parents: this.#parents,
      author: { name: this.#name, email: this.#email },
      authoredAt,
      committedAt: this.#committed ?? authoredAt,
      subject: this.#subject,
      changes: this.#changes.map(finishChange),
    };
  }
}

function finishChange(draft: ChangeDraft): GitChange {
  const counts = { linesAdded: draft.added, linesRemoved: draft.removed, binary: draft.binary };
  const path = escapePath(draft.path);
  if (draft.status === 'R' && draft.from !== undefined) {
    return { kind: 'renamed', from: escapePath(draft.from), path, ...counts };
  }
  if (draft.status === 'A' || draft.status === 'C') return { kind: 'created', path, ...counts };
  if (draft.status === 'D') return { kind: 'deleted', path, ...counts };
  return { kind: 'changed', path, ...counts };
}
