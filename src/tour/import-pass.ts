import type { AppendRequest } from '../core/append.js';
import type { EventLog } from '../core/event-store.js';
import { AppendFailure, type SentAppend } from './append-window.js';
import { CommitSender, type SplitCommit } from './commit-sender.js';
import type { CommitToAppendsOptions } from './commit-to-appends.js';
import type { GitCommit } from './git-commit.js';
import { countCommits, GitHistoryError, type GitHistoryOptions, readGitHistory } from './git-history.js';
import type { ImportTally } from './import-progress.js';
import {
  callOptions,
  historyImported,
  ImportedCommits,
  type ImportedHeads,
  importedHeads,
  isCommitKnown,
} from './imported-history.js';
import { StreamVersions } from './stream-versions.js';
import { repositoryStream } from './tour-streams.js';

export interface ImportPassOptions extends CommitToAppendsOptions {
  readonly store: EventLog;
  readonly history: GitHistoryOptions;
  readonly signal: AbortSignal | undefined;
  readonly inFlight: number;
  readonly tally: ImportTally;
  readonly onSplit: ((split: SplitCommit) => void) | undefined;
  /** Trust nothing but the log: read which commits it has, and the versions of all streams. */
  readonly careful: boolean;
}

// So many commits' streams are looked up together.
const BATCH_COMMITS = 64;
const BATCH_CHANGES = 4000;

/**
 * Goes over the history once, from the newest imported head that git knows, and appends what is not in the log.
 *
 * The first commit behind that head tells how much to trust. Unknown to the log, as it nearly always is, so are those
 * after it, and each is sent at once with predicted versions. Known, an import was interrupted (or another branch's
 * overlaps), and the log is asked for all the commits that it has. Where trust was misplaced, a refusal or an answer
 * shows it, and the caller makes another pass, a careful one.
 *
 * @throws {AppendFailure}
 */
export async function importPass(options: ImportPassOptions): Promise<void> {
  const imported = await importedHeads(options);
  const range = await newestKnownRange(options, imported);
  let sender: CommitSender | undefined;
  let head: string | undefined;
  try {
    for await (const batch of batchesOf(readGitHistory(range))) {
      sender ??= await openSender(options, imported, batch);
      await sender.send(batch);
      head = batch.at(-1)?.hash;
    }
    await sender?.drain();
  } finally {
    // Whatever stopped the pass, no append is left under way.
    await sender?.drain().catch(() => undefined);
  }
  // The last commit of a reading to the end is what HEAD was.
  if (head !== undefined) await recordHead(options, imported, head);
}

/** The history behind the newest imported head that git still knows: after a rewrite it may not. */
async function newestKnownRange(
  { history, tally }: ImportPassOptions,
  { heads }: ImportedHeads,
): Promise<GitHistoryOptions> {
  const total = await countCommits(history);
  for (const after of heads) {
    const range = { ...history, after };
    const commits = await countCommits(range).catch((error: unknown) => {
      if (error instanceof GitHistoryError && error.reason === 'unknown_revision') return undefined;
      throw error;
    });
    if (commits === undefined) continue;
    tally.begin(total, total - commits);
    return range;
  }
  tally.begin(total, 0);
  return history;
}

async function openSender(
  options: ImportPassOptions,
  imported: ImportedHeads,
  batch: readonly GitCommit[],
): Promise<CommitSender> {
  const [first] = batch;
  const overlaps = options.careful || (first !== undefined && (await isCommitKnown(options, first.hash)));
  const known = overlaps ? await ImportedCommits.read(options) : undefined;
  const fresh = !overlaps && imported.version === 0n;
  const versions = new StreamVersions({ store: options.store, fresh, signal: options.signal });
  return new CommitSender({ ...options, versions, known });
}

async function recordHead(options: ImportPassOptions, imported: ImportedHeads, head: string): Promise<void> {
  const { store, key, signal, tally } = options;
  const expectedVersion = imported.version === 0n ? 'NO_STREAM' : imported.version;
  const events = [historyImported(key, head)];
  const request: AppendRequest & { readonly onConflict: 'THROW' } = {
    streams: [{ stream: repositoryStream(key), expectedVersion, events }],
    onConflict: 'THROW',
  };
  const sent: SentAppend = { commit: head, request, events: 1, bytes: 0, last: false };
  const answer = await store.append(request, callOptions(signal)).catch((cause: unknown) => {
    throw new AppendFailure(sent, { cause });
  });
  tally.answered(sent, answer);
}

async function* batchesOf(
  commits: AsyncIterable<GitCommit>,
): AsyncGenerator<readonly GitCommit[], void, undefined> {
  let batch: GitCommit[] = [];
  let changes = 0;
  for await (const commit of commits) {
    if (batch.length > 0 && changes + commit.changes.length > BATCH_CHANGES) {
      yield batch;
      batch = [];
      changes = 0;
    }
    batch.push(commit);
    changes += commit.changes.length;
    if (batch.length < BATCH_COMMITS) continue;
    yield batch;
    batch = [];
    changes = 0;
  }
  if (batch.length > 0) yield batch;
}
