import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { GitCommit } from './git-commit.js';
import { GitHistoryError } from './git-history-error.js';
import { GIT_LOG_FORMAT, parseGitLog } from './git-log-parser.js';
import { askGit, runGit } from './git-process.js';

export type { GitAuthor, GitChange, GitCommit, GitFileChange, GitRename } from './git-commit.js';
export { GitHistoryError, type GitHistoryErrorReason } from './git-history-error.js';
export { escapePath } from './git-text.js';

export interface GitHistoryOptions {
  /**
   * The top folder of a clone, of a worktree, or a bare repository. Its parents are not searched, so that a
   * folder which is no repository is never mistaken for a part of the one around it.
   */
  readonly repository: string;
  /**
   * A hash, branch or tag: only commits that cannot be reached from it.
   * @default undefined the whole history
   */
  readonly after?: string | undefined;
  /** Kills git; the iteration then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The git to run, as a path or a name to be found on PATH.
   * @default 'git'
   */
  readonly git?: string | undefined;
}

/**
 * The history of `HEAD`, oldest first, in bounded memory: one `git log` runs, and waits while its output is
 * not taken.
 *
 * *Order.* A commit comes after all of its parents; between branches, by commit date (`--date-order`), as an
 * event log should read: `--topo-order` promises the same about parents but tells one branch to its end
 * before the other's beginning. Git needs the list of all commits for this before the first is delivered, and
 * holds it; we do not.
 *
 * *Merges* are commits without changes, as in `git log`. Their difference to a parent repeats what the merged
 * branch's own commits have told already. So a merge's own edits (a conflict's resolution) do not appear, and
 * a path's life told across branches can surprise: created on two of them, changed on one after it was
 * deleted on another.
 *
 * *Renames* are found as git finds them, from half of the contents upwards; beyond 1,000 × 1,000 candidates
 * in a commit only exact ones. *Binary* is what contains a NUL near its beginning, whatever `.gitattributes`
 * says, as that would depend on what is checked out. Attributes (but for the repository's private
 * `info/attributes`), replaced objects, grafts, the mailmap and the user's configuration of git have no say;
 * a repository of another user's is read all the same.
 *
 * *To go on later*, give as `after` the last commit of a reading to the end: it is what `HEAD` was. One in
 * the middle will do only in a history without branches: what lies beside it would be delivered again.
 *
 * One pass: iterate it once. Leaving the loop stops git.
 *
 * @throws {GitHistoryError} while iterating, also if git ends in the middle of it.
 */
export async function* readGitHistory(
  options: GitHistoryOptions,
): AsyncGenerator<GitCommit, void, undefined> {
  const range = await resolveRange(options);
  const log = runGit({
    ...range.call,
    args: [...range.args, 'log', ...LOG, ...GIT_LOG_FORMAT, ...range.revisions, '--'],
  });
  try {
    for await (const commit of parseGitLog(log)) {
      // Also between commits of a chunk that has arrived already.
      options.signal?.throwIfAborted();
      yield commit;
    }
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new GitHistoryError('git_failed', options.repository, cause.message, { cause });
  }
}

/**
 * How many commits `readGitHistory` will yield for the same options: git counts without looking at any file.
 */
export async function countCommits(options: GitHistoryOptions): Promise<number> {
  const range = await resolveRange(options);
  const count = await askGit({
    ...range.call,
    args: [...range.args, 'rev-list', '--count', ...range.revisions, '--'],
  });
  return Number(count);
}

/**
 * The commit that the history of `HEAD` began with, along first parents: it stays when another history is merged
 * into this one. In a shallow clone, the commit at its edge.
 */
export async function firstCommit(options: Omit<GitHistoryOptions, 'after'>): Promise<string> {
  const range = await resolveRange(options);
  return askGit({
    ...range.call,
    args: [...range.args, 'rev-list', '--first-parent', '--max-parents=0', ...range.revisions, '--'],
  });
}

/** Whatever the repository's own configuration could change about the output, put back. */
const LOG = [
  '--reverse',
  '--date-order',
  '--no-show-signature',
  '--no-notes',
  '--no-decorate',
  '--no-color',
  '--encoding=UTF-8',
  '--no-ext-diff',
  '--no-textconv',
  '--diff-algorithm=myers',
  '--ignore-submodules=none',
  '--submodule=short',
  '-M50%',
  '-l1000',
  '-O/dev/null',
];

const SETTINGS = [
  'core.bare=true',
  'core.attributesFile=/dev/null',
  // The empty tree: git 2.43 to 2.45 take the attributes of a bare repository from HEAD otherwise.
  'attr.tree=4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  'core.bigFileThreshold=512m',
  'core.fsmonitor=false',
  'diff.relative=false',
  'diff.noprefix=false',
  'log.showRoot=true',
  'log.follow=false',
  'log.mailmap=false',
];

async function resolveRange(options: GitHistoryOptions) {
  const { repository, after, git = 'git', signal } = options;
  signal?.throwIfAborted();
  // Named outright, the repository's owner is not checked, by any version of git; `-c safe.directory=*` is
  // heeded from 2.38 only. Nothing in its configuration is run: no pager, filter, diff driver, signature
  // check, hook or transport.
  const args = [`--git-dir=${await findGitDirectory(repository)}`, '--no-pager', '--no-replace-objects'];
  for (const setting of SETTINGS) args.push('-c', setting);
  const call = { repository, git, signal };
  const commit = (revision: string) =>
    askGit({ ...call, args: [...args, 'rev-parse', '--verify', `${revision}^{commit}`] });

  const head = await commit('HEAD').catch((cause: unknown) => {
    if (!(cause instanceof GitHistoryError) || !cause.message.endsWith('Needed a single revision'))
      throw cause;
    throw new GitHistoryError('no_commits', repository, `${repository} has no commits yet`, { cause });
  });
  if (after === undefined) return { call, args, revisions: [head] };

  const unknown = `${repository} has no commit ${JSON.stringify(after)}`;
  if (after.startsWith('-') || after.includes('\0'))
    throw new GitHistoryError('unknown_revision', repository, unknown);
  const start = await commit(after).catch((cause: unknown) => {
    if (!(cause instanceof GitHistoryError) || cause.reason !== 'git_failed') throw cause;
    throw new GitHistoryError('unknown_revision', repository, unknown, { cause });
  });
  return { call, args, revisions: [head, `^${start}`] };
}

/**
 * `.git` (a folder, or the file of a worktree or a submodule, which git follows), or the folder of a bare
 * repository.
 */
async function findGitDirectory(repository: string): Promise<string> {
  const folder = resolve(repository);
  const inside = join(folder, '.git');
  if (await exists(inside)) return inside;
  const parts = await Promise.all(['HEAD', 'objects', 'refs'].map((part) => exists(join(folder, part))));
  if (parts.every(Boolean)) return folder;
  const message = `${repository} is not a git repository`;
  throw new GitHistoryError('not_a_repository', repository, message);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
