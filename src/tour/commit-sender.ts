import type { StreamId } from '../core/stream.js';
import { AppendWindow, type AppendWindowOptions, type SentAppend } from './append-window.js';
import { type CommitAppend, commitToAppends, type CommitToAppendsOptions } from './commit-to-appends.js';
import type { GitCommit } from './git-commit.js';
import type { ImportTally } from './import-progress.js';
import type { ImportedCommits } from './imported-history.js';
import type { StreamVersions } from './stream-versions.js';
import { authorStream, fileStream } from './tour-streams.js';

/** A commit that was too large for one append. */
export interface SplitCommit {
  readonly hash: string;
  readonly subject: string;
  readonly events: number;
  readonly appends: number;
}

export interface CommitSenderOptions extends CommitToAppendsOptions, Omit<AppendWindowOptions, 'onAppended'> {
  readonly tally: ImportTally;
  readonly versions: StreamVersions;
  /** Commits that may be in the log already; `undefined` if there are none. */
  readonly known: ImportedCommits | undefined;
  readonly onSplit: ((split: SplitCommit) => void) | undefined;
}

/** Sends commits one after another, those that are in the log left out, each with exact expected versions. */
export class CommitSender {
  readonly #options: CommitSenderOptions;
  readonly #window: AppendWindow;

  constructor(options: CommitSenderOptions) {
    const { store, signal, inFlight, tally } = options;
    this.#options = options;
    const onAppended: AppendWindowOptions['onAppended'] = (append, answer) => tally.answered(append, answer);
    this.#window = new AppendWindow({ store, signal, inFlight, onAppended });
  }

  /**
   * Resolves when all are sent, not yet answered.
   *
   * @throws {AppendFailure} of one of these or of the ones before.
   */
  async send(commits: readonly GitCommit[]): Promise<void> {
    const { known, tally, versions } = this.#options;
    const unknown = commits.filter(({ hash }) => !known?.has(hash));
    await versions.learn(() => unknown.flatMap((commit) => this.#streamsOf(commit)));
    for (const commit of commits) {
      if (known?.has(commit.hash)) tally.known();
      else await this.#sendCommit(commit);
    }
  }

  /** Resolves when all that were sent are answered. */
  drain(): Promise<void> {
    return this.#window.drain();
  }

  async #sendCommit(commit: GitCommit): Promise<void> {
    const { known, tally, onSplit } = this.#options;
    let events = 0;
    for (const part of commitToAppends(commit, this.#options)) {
      events += part.events;
      const isSplit = part.part > 1 || !part.last;
      if (isSplit && known !== undefined) await this.#sendMaybeKnown(commit, part);
      else await this.#sendNew(commit, part);
      if (!part.last || !isSplit || !tally.split(commit.hash)) continue;
      onSplit?.({ hash: commit.hash, subject: commit.subject, events, appends: part.part });
    }
  }

  async #sendNew(commit: GitCommit, part: CommitAppend): Promise<void> {
    const sent = this.#prepare(commit, part);
    this.#options.versions.advance(part);
    await this.#window.send(sent);
  }

  /**
   * An import that was interrupted within a split commit leaves its first parts in the log, and the versions that were
   * looked up have them in: which they are, only the answers tell.
   */
  async #sendMaybeKnown(commit: GitCommit, part: CommitAppend): Promise<void> {
    const answer = await this.#window.sendAlone(this.#prepare(commit, part));
    if (!answer.deduplicated) this.#options.versions.advance(part);
  }

  #prepare(commit: GitCommit, part: CommitAppend): SentAppend {
    const { events, bytes, last } = part;
    return {
      commit: commit.hash,
      request: { streams: this.#options.versions.expect(part) },
      events,
      bytes,
      last,
    };
  }

  #streamsOf(commit: GitCommit): readonly StreamId[] {
    const { key } = this.#options;
    const streams = [authorStream(key, commit.author)];
    for (const change of commit.changes) {
      streams.push(fileStream(key, change.path));
      if (change.kind === 'renamed') streams.push(fileStream(key, change.from));
    }
    return streams;
  }
}
