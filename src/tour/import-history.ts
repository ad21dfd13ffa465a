import { OverloadedError, StoreUnavailableError, WrongExpectedVersionError } from '../core/errors.js';
import type { EventLog } from '../core/event-store.js';
import type { Limits } from '../core/limits.js';
import type { Runtime } from '../core/runtime.js';
import { AppendFailure } from './append-window.js';
import type { SplitCommit } from './commit-sender.js';
import { ForeignWriterError } from './foreign-writer-error.js';
import { firstCommit } from './git-history.js';
import { importPass } from './import-pass.js';
import { type ImportProgress, ImportTally } from './import-progress.js';
import { repositoryKey } from './tour-streams.js';

export type { SplitCommit } from './commit-sender.js';
export { ForeignWriterError } from './foreign-writer-error.js';
export type { ImportProgress } from './import-progress.js';

export interface ImportHistoryOptions {
  readonly store: EventLog;
  /** The top folder of a clone, of a worktree, or a bare repository. */
  readonly repository: string;
  readonly runtime: Runtime;
  /** Ends the import with the signal's reason; what was appended stays, and another import goes on from there. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each answer: tens of thousands of times. */
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
  /** Told of each commit that was over the limits of one append. */
  readonly onSplit?: ((split: SplitCommit) => void) | undefined;
  /**
   * Appends under way at most; 8 MiB of them at most in any case.
   * @default 512
   */
  readonly inFlight?: number | undefined;
  /**
   * What one append may hold, as in the service's own configuration; the same ones each time for the same log.
   * @default the service's own defaults
   */
  readonly limits?: Pick<Limits, 'appendEvents' | 'appendBytes'> | undefined;
  /**
   * The git to run.
   * @default 'git'
   */
  readonly git?: string | undefined;
}

/** What an import did. */
export interface ImportSummary extends ImportProgress {
  /** Stands in front of all aggregate ids of this repository: see `repositoryKey`. */
  readonly key: string;
}

const LATER_PASSES = 5;
const UNAVAILABLE_IN_A_ROW = 5;

/**
 * Appends the history of `HEAD` to the log, a commit an append, in git's order with parents before children, several
 * under way at a time. Commits that are in the log are left out; so a second import adds nothing, a longer history only
 * what is new, and an interrupted import is finished by the next one, with the same events in the same order as if it
 * had not been interrupted.
 *
 * A rewritten history (amend, rebase) adds the rewritten commits behind what was there: a log does not forget, and its
 * streams then tell both. Two repositories in one store do not touch: see `repositoryKey`. Two imports of one at the same
 * time write it once.
 *
 * *Memory* does not grow with commits, but with distinct paths: some 150 bytes each; after an interruption, with the
 * commits in the log as well: some 60 bytes each.
 *
 * *Somebody else's events* in these streams make expected versions fail. The versions are then read again and the import
 * goes on; on the sixth time it stops.
 *
 * @throws {ForeignWriterError} as told above. {GitHistoryError} if git cannot read the repository. Else what `append`
 * and `load` throw; a store that is away or overloaded is tried again a few times.
 */
export async function importHistory(options: ImportHistoryOptions): Promise<ImportSummary> {
  const { store, repository, runtime, signal, git, limits, onSplit, inFlight = 512 } = options;
  const history = { repository, signal, git };
  const key = repositoryKey(await firstCommit(history));
  const tally = new ImportTally(runtime, options.onProgress);
  const pass = { store, history, key, limits, signal, inFlight, tally, onSplit };
  let laterPasses = 0;
  let unavailable = 0;
  let careful = false;
  for (;;) {
    const before = tally.eventsAppended;
    try {
      await importPass({ ...pass, careful });
      return { ...tally.snapshot(), key };
    } catch (error) {
      signal?.throwIfAborted();
      const cause = error instanceof AppendFailure ? error.cause : error;
      if (cause instanceof StoreUnavailableError || cause instanceof OverloadedError) {
        unavailable = tally.eventsAppended > before ? 1 : unavailable + 1;
        if (unavailable > UNAVAILABLE_IN_A_ROW) throw cause;
        await runtime.sleep(cause.retryAfterMilliseconds * 2 ** (unavailable - 1), signal);
      } else {
        const refusal = cause instanceof WrongExpectedVersionError ? cause : undefined;
        if (!(error instanceof AppendFailure) || (cause !== undefined && refusal === undefined)) throw cause;
        laterPasses += 1;
        if (laterPasses > LATER_PASSES) throw new ForeignWriterError(error.append.commit, refusal);
      }
      careful = true;
    }
  }
}
