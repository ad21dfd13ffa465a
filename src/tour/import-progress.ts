import type { Appended } from '../core/append.js';
import type { Runtime } from '../core/runtime.js';
import type { SentAppend } from './append-window.js';

/** How far an import is. */
export interface ImportProgress {
  /** Commits of the whole history, those that were in the log before included. */
  readonly commitsTotal: number;
  /** Commits that are in the log as a whole, as far as the import got; never fewer than were told before. */
  readonly commitsDone: number;
  /** Of these, the ones that this import appended. */
  readonly commitsAdded: number;
  /** Commits over the limits of one append, which were appended in several. */
  readonly commitsSplit: number;
  readonly eventsAppended: number;
  /** Events that were sent, but found to be in the log already. */
  readonly eventsDeduplicated: number;
  readonly elapsedMilliseconds: number;
  /** Appended ones, over all of the import so far. */
  readonly eventsPerSecond: number;
}

/** Counts what an import does. */
export class ImportTally {
  readonly #runtime: Runtime;
  readonly #onProgress: ((progress: ImportProgress) => void) | undefined;
  readonly #began: number;
  #total = 0;
  #done = 0;
  #added = 0;
  readonly #split = new Set<string>();
  #furthest = 0;
  #appended = 0;
  #deduplicated = 0;

  constructor(runtime: Runtime, onProgress: ((progress: ImportProgress) => void) | undefined) {
    this.#runtime = runtime;
    this.#onProgress = onProgress;
    this.#began = runtime.monotonic();
  }

  /** A pass over the history begins, with so many commits behind it. */
  begin(total: number, done: number): void {
    this.#total = total;
    this.#done = done;
    this.#tell();
  }

  known(): void {
    this.#done += 1;
    this.#tell();
  }

  /** Whether the commit is counted for the first time: another pass may come by again. */
  split(commit: string): boolean {
    if (this.#split.has(commit)) return false;
    this.#split.add(commit);
    return true;
  }

  answered(append: SentAppend, { deduplicated }: Appended): void {
    if (deduplicated) this.#deduplicated += append.events;
    else this.#appended += append.events;
    if (append.last) {
      this.#done += 1;
      if (!deduplicated) this.#added += 1;
    }
    this.#tell();
  }

  get eventsAppended(): number {
    return this.#appended;
  }

  snapshot(): ImportProgress {
    const elapsedMilliseconds = this.#runtime.monotonic() - this.#began;
    return {
      commitsTotal: this.#total,
      commitsDone: this.#furthest,
      commitsAdded: this.#added,
      commitsSplit: this.#split.size,
      eventsAppended: this.#appended,
      eventsDeduplicated: this.#deduplicated,
      elapsedMilliseconds,
      eventsPerSecond: elapsedMilliseconds > 0 ? (this.#appended / elapsedMilliseconds) * 1000 : 0,
    };
  }

  #tell(): void {
    this.#furthest = Math.max(this.#furthest, this.#done);
    this.#onProgress?.(this.snapshot());
  }
}
