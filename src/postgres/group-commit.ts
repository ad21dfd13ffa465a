import { type CallOptions, endOf } from '../core/call-options.js';
import { type HeadwaterError, type Outcome, StoreUnavailableError } from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import type { Verdict } from './append.js';
import { AppendQueue, type AppendQueueOptions, type Waiting } from './append-queue.js';
import type { Decided } from './committed-rows.js';
import type { PreparedAppend } from './prepared-append.js';
import { resolved, UnresolvedError } from './resolved.js';
import { failureOf } from './sqlstate.js';

/** How appends are gathered and decided. */
export interface GroupCommitOptions extends Omit<AppendQueueOptions, 'runtime'> {
  /** Runs a group in one transaction; rejects with the driver's error. */
  readonly commit: (group: readonly PreparedAppend[]) => Promise<readonly Verdict[]>;
  /**
   * Sends a group behind the one that is under way, which is to be decided only after that. Answers undefined where that cannot
   * be, and resolves with undefined where nothing was decided; then the group waits for its turn.
   * @default groups are sent one at a time
   */
  readonly follow?: (group: readonly PreparedAppend[]) => Promise<readonly Verdict[] | undefined> | undefined;
  /**
   * Two small groups cost more than one, so what has come while one is under way is sent behind it only if it has so many events.
   * @default 16
   */
  readonly followingEvents?: number;
  /** Turns a failure of `commit` into the error for the caller. */
  readonly errorFor: (error: unknown, outcome: Outcome) => HeadwaterError;
  /** Told after each group that wrote something, with the log's last position as far as known here, and what was decided. */
  readonly onCommitted?: (lastPosition: bigint, decided: () => readonly Decided[]) => void;
  readonly runtime: Runtime;
  /**
   * Milliseconds for which a group whose answer was lost is sent again before its requests are answered as unknown.
   * @default 30000
   */
  readonly resolveMilliseconds?: number;
}

/** A group that is being decided. */
interface Sent {
  readonly decided: Promise<void>;
}

/** A group that was sent behind another one. */
interface Ahead {
  readonly answer: Promise<readonly Verdict[] | undefined>;
  readonly front: Promise<void>;
}

/**
 * Group commit: what arrives while one transaction is under way goes into the next, in order of arrival, each request with
 * its own verdict. One group is decided at a time; if many events have come meanwhile, the next one is with the database already,
 * which then need not wait for it.
 *
 * A group whose answer was lost is resolved before the next one goes: it is sent again, and the check for repeats, which
 * waits for the log's lock and so for the lost transaction's end, makes the answer definite. Whose caller has gone is not
 * sent again: the caller was told that the outcome is unknown, asks again elsewhere, and could be refused there for a state
 * that comes about before this one returns. A group that the database refuses for a value is decided one request at a time,
 * so that one bad request cannot spoil the others.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #queue: AppendQueue;
  #running: Promise<void> | undefined;
  #closed = false;
  /** Ends the wait for a request that may not wait. */
  #worth: (() => void) | undefined;
  /** Ends the wait for events that are worth a group behind the one that is under way. */
  #many: (() => void) | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#queue = new AppendQueue(options);
  }

  /** Puts the request at the end of the queue at once, so that calls are decided in the order in which they are made. */
  submit(prepared: PreparedAppend, options: CallOptions = {}): Promise<Verdict> {
    const ended = endOf(options);
    if (ended !== undefined) return Promise.reject(ended);
    if (this.#closed)
      return Promise.reject(
        new StoreUnavailableError('The service is shutting down', { outcome: 'NOT_APPLIED' }),
      );
    const overflow = this.#queue.overflow(prepared.bytes);
    if (overflow !== undefined) return Promise.reject(overflow);
    return new Promise<Verdict>((resolve, reject) => {
      this.#queue.push({ prepared, options, resolve, reject });
      if (this.#worth && !this.#queue.mayWait(prepared)) this.#worth();
      if (this.#many && this.#areMany) this.#many();
      this.#running ??= this.#run();
    });
  }

  /** Takes no more, and resolves when all that was taken is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.close();
    this.#worth?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    // What arrives in the same turn of the event loop shares the first group.
    await new Promise(setImmediate);
    while (!this.#queue.isEmpty) {
      if (this.#queue.allMayWait()) await this.#more();
      const group = this.#queue.nextGroup();
      if (group.length === 0) continue;
      let last: Sent | undefined = { decided: this.#decide(group) };
      while (last !== undefined) last = await this.#behind(last);
    }
    this.#running = undefined;
  }

  /** Resolves when the group is decided, with the one that was sent behind it meanwhile. */
  async #behind({ decided }: Sent): Promise<Sent | undefined> {
    let under = true;
    const over = decided.then(() => {
      under = false;
    });
    let sent: Sent | undefined;
    if (this.#options.follow) {
      await Promise.race([over, this.#gathered()]);
      this.#many = undefined;
      if (under) sent = this.#follow(decided);
    }
    await over;
    return sent;
  }

  get #areMany(): boolean {
    return this.#queue.events >= (this.#options.followingEvents ?? 16);
  }

  #gathered(): Promise<void> {
    if (this.#areMany) return Promise.resolve();
    return new Promise((resolve) => {
      this.#many = resolve;
    });
  }

  /** Sends the next group behind the last one, if it can be. */
  #follow(front: Promise<void>): Sent | undefined {
    if (this.#queue.isOverdue || this.#queue.allMayWait()) return undefined;
    const group = this.#queue.nextGroup();
    if (group.length === 0) return undefined;
    const answer = this.#options.follow?.(group.map(({ prepared }) => prepared));
    if (answer === undefined) {
      this.#queue.putBack(group);
      return undefined;
    }
    return { decided: this.#decide(group, { answer, front }) };
  }

  /** Until something has come that may not wait, or those who wait have waited long enough. */
  async #more(): Promise<void> {
    const left = this.#queue.gathers();
    if (left === 0) return;
    await new Promise<void>((resolve) => {
      this.#worth = resolve;
      void this.#options.runtime.sleep(left).then(resolve);
    });
    this.#worth = undefined;
  }

  /** @param ahead for a group that was sent already */
  async #decide(group: readonly Waiting[], ahead?: Ahead): Promise<void> {
    const { commit, errorFor } = this.#options;
    let asked = group;
    let verdicts: readonly Verdict[];
    let waited = ahead;
    try {
      verdicts = await resolved(async () => {
        const sent = waited;
        waited = undefined;
        const known = sent && (await answerBehind(sent));
        if (known) return known;
        asked = stillAsked(asked);
        return asked.length === 0 ? [] : commit(asked.map(({ prepared }) => prepared));
      }, this.#options);
    } catch (error) {
      if (error instanceof UnresolvedError) {
        for (const waiting of asked)
          waiting.reject(errorFor(error.cause, error.sent ? 'UNKNOWN' : 'NOT_APPLIED'));
      } else if (asked.length > 1 && failureOf(error) === 'VALUE') {
        for (const waiting of asked) await this.#decide([waiting]);
      } else {
        const outcome = failureOf(error) === 'UNEXPECTED' ? 'UNKNOWN' : 'NOT_APPLIED';
        for (const waiting of asked) waiting.reject(errorFor(error, outcome));
      }
      return;
    }
    this.#tell(asked, verdicts);
    asked.forEach((waiting, index) => {
      const verdict = verdicts[index];
      if (verdict === undefined)
        waiting.reject(new Error(`No verdict for request ${index} of ${asked.length}`));
      else waiting.resolve(verdict);
    });
  }

  #tell(group: readonly Waiting[], verdicts: readonly Verdict[]): void {
    let last = 0n;
    for (const verdict of verdicts)
      if (!(verdict instanceof Error) && verdict.outcome === 'APPENDED' && verdict.lastPosition > last)
        last = verdict.lastPosition;
    if (last === 0n) return;
    this.#options.onCommitted?.(last, () =>
      group.map(({ prepared }, index) => ({ prepared, verdict: verdicts[index] })),
    );
  }
}

/** The answer; or its failure. Both only after what is in front is decided, whatever that takes. */
async function answerBehind({ answer, front }: Ahead): Promise<readonly Verdict[] | undefined> {
  try {
    return await answer;
  } finally {
    await front;
  }
}

/** Those whose callers still wait; the others are told why not. */
function stillAsked(group: readonly Waiting[]): readonly Waiting[] {
  return group.filter((waiting) => {
    const ended = endOf(waiting.options);
    if (ended !== undefined) waiting.reject(ended);
    return ended === undefined;
  });
}
