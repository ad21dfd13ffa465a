import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { GitHistoryError } from './git-history-error.js';

/**
 * Git inherits PATH, and nothing else: it is found wherever the user has it, and no `GIT_*` of a hook or a
 * shell (GIT_DIR, GIT_EXTERNAL_DIFF, GIT_TRACE …) can turn it to another repository or change what it prints.
 * A list of variables to unset would miss those of a later git. Without HOME and XDG_CONFIG_HOME no
 * configuration of the user's is read, by no version of git; what the repository's own could change is
 * overridden where git is called.
 *
 * No protocol is allowed, as reading must never go to the network: in a partial clone git would fetch each
 * file's contents singly, and run what the repository's configuration names for it.
 */
const LAUNCH = `exec env -i PATH="$PATH" LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null \
GIT_ATTR_NOSYSTEM=1 GIT_GRAFT_FILE=/dev/null GIT_ALLOW_PROTOCOL= GIT_NO_LAZY_FETCH=1 GIT_TERMINAL_PROMPT=0 \
GIT_OPTIONAL_LOCKS=0 "$0" "$@"`;

const STDERR_LIMIT = 16_384;
const COMMAND_NOT_FOUND = 127;

export interface GitCall {
  /** The repository as the caller named it, for messages. */
  readonly repository: string;
  /** The command to run; see `readGitHistory`. */
  readonly git: string;
  readonly args: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs git and yields what it prints, no faster than it is taken: while nothing is taken, a pipe's worth is
 * buffered and git waits. The process is killed and its end awaited when the consumer stops early or the
 * signal aborts.
 *
 * @throws {GitHistoryError} after the output, if git failed. The signal's reason, if it aborted.
 */
export async function* runGit(call: GitCall): AsyncGenerator<Buffer, void, undefined> {
  call.signal?.throwIfAborted();
  // Root as the working directory, lest a `.gitattributes` that happens to lie in ours decides what is
  // binary.
  const child = spawn('/bin/sh', ['-c', LAUNCH, call.git, ...call.args], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(child, 'spawn').catch((cause: unknown) => {
    throw new GitHistoryError('git_failed', call.repository, 'Git could not be started', { cause });
  });
  const ended = endOf(child);
  const kill = () => child.kill('SIGKILL');
  call.signal?.addEventListener('abort', kill, { once: true });
  try {
    if (call.signal?.aborted) kill();
    yield* bytesOf(child.stdout);
    const end = await ended;
    call.signal?.throwIfAborted();
    if (end.code !== 0) throw failure(call, end);
  } finally {
    call.signal?.removeEventListener('abort', kill);
    child.stdout.destroy();
    kill();
    await ended;
  }
}

/** Runs git and returns what it prints as a whole, for answers of a line. */
export async function askGit(call: GitCall): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of runGit(call)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8').trim();
}

interface End {
  readonly code: number | undefined;
  readonly stderr: string;
}

/** Never rejects; resolves once the process is gone and its pipes are closed. */
function endOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<End> {
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < STDERR_LIMIT) stderr += text.slice(0, STDERR_LIMIT - stderr.length);
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code: code ?? undefined, stderr }));
  });
}

async function* bytesOf(stdout: Readable): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of stdout) {
    if (Buffer.isBuffer(chunk)) yield chunk;
  }
}

function failure(call: GitCall, end: End): GitHistoryError {
  const { repository } = call;
  if (end.code === COMMAND_NOT_FOUND) {
    return new GitHistoryError(
      'git_not_found',
      repository,
      `No git is installed: "${call.git}" was not found`,
    );
  }
  const lines = end.stderr.split('\n').map((line) => line.trim());
  const line = lines.find((each) => /^(fatal|error):/.test(each)) ?? lines.find((each) => each !== '');
  const silence = end.code === undefined ? 'it was stopped from outside' : `it ended with code ${end.code}`;
  const said = line?.replace(/^(fatal|error): /, '') ?? silence;
  const cause = end.stderr === '' ? undefined : { cause: new Error(end.stderr.trim()) };
  if (/promisor|lazy fetch|transport '.*' not allowed/.test(end.stderr)) {
    const message = `The clone ${repository} is partial (made with --filter): read a full or a shallow one`;
    return new GitHistoryError('partial_clone', repository, message, cause);
  }
  if (/not a git repository/i.test(said)) {
    return new GitHistoryError(
      'not_a_repository',
      repository,
      `${repository} is not a git repository`,
      cause,
    );
  }
  return new GitHistoryError('git_failed', repository, `Git could not read ${repository}: ${said}`, cause);
}
