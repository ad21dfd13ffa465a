import { type CallOptions, endOf } from '../core/call-options.js';
import { type HeadwaterError, OverloadedError, type Outcome, StoreUnavailableError } from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import type { Verdict } from './append.js';
import type { PreparedAppend } from './prepared-append.js';
import { WrittenMarks } from './written-marks.js';
import { resolved, UnresolvedError } from './resolved.js';
import { failureOf } from './sqlstate.js';

/** How appends are gathered. */
export interface GroupCommitOptions {
  /** Runs a group in one transaction; rejects with the driver's error. */
  readonly commit: (group: readonly PreparedAppend[]) => Promise<readonly Verdict[]>;
  /** Turns a failure of `commit` into the error for the caller. */
  readonly errorFor: (error: unknown, outcome: Outcome) => HeadwaterError;
  /** Told after each group that wrote something, with the log's last position as far as known here. */
  readonly onCommitted?: (lastPosition: bigint) => void;
  /**
   * Whether it makes no difference to a request when it is decided. No group is sent for the sake of such alone; they go with
   * the next one, in their order, within some milliseconds.
   */
  readonly mayWait?: (prepared: PreparedAppend) => boolean;
  readonly runtime: Runtime;
  /** @default 1000 */
  readonly groupEvents?: number;
  /** @default 4 MiB */
  readonly groupBytes?: number;
  /**
   * Requests that may wait for their turn.
   * @default 20000
   */
  readonly queueRequests?: number;
  /** @default 64 MiB */
  readonly queueBytes?: number;
  /**
   * Milliseconds for which a group whose answer was lost is sent again before its requests are answered as unknown.
   * @default 30000
   */
  readonly resolveMilliseconds?: number;
}

/** For how many milliseconds requests that may wait are without a group at most. */
const WAIT_MILLISECONDS = 10;

interface Waiting {
  readonly prepared: PreparedAppend;
  readonly options: CallOptions;
  resolve(verdict: Verdict): void;
  reject(error: unknown): void;
}

/**
 * Group commit: what arrives while one transaction is under way goes into the next, in order of arrival, each request with
 * its own verdict. One group is in flight at a time.
 *
 * A group whose answer was lost is resolved before the next one goes: it is sent again, and the check for repeats, which
 * waits for the log's lock and so for the lost transaction's end, makes the answer definite. Whose caller has gone is not
 * sent again: the caller was told that the outcome is unknown, asks again elsewhere, and could be refused there for a state
 * that comes about before this one returns. A group that the database refuses for a value is decided one request at a time,
 * so that one bad request cannot spoil the others.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #running: Promise<void> | undefined;
  #closed = false;
  /** Ends the wait for a request that is worth a group. */
  #worth: (() => void) | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Puts the request at the end of the queue at once, so that calls are decided in the order in which they are made. */
  submit(prepared: PreparedAppend, options: CallOptions = {}): Promise<Verdict> {
    const { queueRequests = 20_000, queueBytes = 64 * 1024 * 1024 } = this.#options;
    const ended = endOf(options);
    if (ended !== undefined) return Promise.reject(ended);
    if (this.#closed)
      return Promise.reject(
        new StoreUnavailableError('The service is shutting down', { outcome: 'NOT_APPLIED' }),
      );
    if (this.#queue.length >= queueRequests || this.#queuedBytes + prepared.bytes > queueBytes)
      return Promise.reject(
        new OverloadedError(`${this.#queue.length} appends wait already; try again later`, {
          limit: this.#queue.length >= queueRequests ? 'append_queue_requests' : 'append_queue_bytes',
          outcome: 'NOT_APPLIED',
        }),
      );
    this.#queuedBytes += prepared.bytes;
    return new Promise<Verdict>((resolve, reject) => {
      this.#queue.push({ prepared, options, resolve, reject });
      if (this.#worth && !this.#mayWait(prepared)) this.#worth();
      this.#running ??= this.#run();
    });
  }

  /** Takes no more, and resolves when all that was taken is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#worth?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    // What arrives in the same turn of the event loop shares the first group.
    await new Promise(setImmediate);
    while (this.#queue.length > 0) {
      if (this.#queue.every(({ prepared }) => this.#mayWait(prepared))) await this.#more();
      const group = this.#nextGroup();
      if (group.length > 0) await this.#decide(group);
    }
    this.#running = undefined;
  }

  #mayWait(prepared: PreparedAppend): boolean {
    return !this.#closed && (this.#options.mayWait?.(prepared) ?? false);
  }

  /** Until something has come that is worth a group, or those who wait have waited long enough. */
  async #more(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#worth = resolve;
      void this.#options.runtime.sleep(WAIT_MILLISECONDS).then(resolve);
    });
    this.#worth = undefined;
  }

  /**
   * The longest run from the queue's front that keeps within the budget, has no event id or command id twice, and no condition that may
   * be about events in front of it: those are checked against the table.
   */
  #nextGroup(): Waiting[] {
    const { groupEvents = 1000, groupBytes = 4 * 1024 * 1024 } = this.#options;
    const group: Waiting[] = [];
    const ids = new Set<string>();
    const written = new WrittenMarks();
    let events = 0;
    let bytes = 0;
    let taken = 0;
    for (const waiting of this.#queue) {
      const { prepared, options } = waiting;
      const ended = endOf(options);
      if (ended !== undefined) {
        waiting.reject(ended);
      } else {
        const full =
          group.length > 0 &&
          (events + prepared.events > groupEvents ||
            bytes + prepared.bytes > groupBytes ||
            group.length >= groupEvents);
        if (full || prepared.uniqueIds.some((id) => ids.has(id)) || written.mayBreak(prepared)) break;
        for (const id of prepared.uniqueIds) ids.add(id);
        written.add(prepared);
        events += prepared.events;
        bytes += prepared.bytes;
        group.push(waiting);
      }
      this.#queuedBytes -= prepared.bytes;
      taken += 1;
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    return group;
  }

  async #decide(group: readonly Waiting[]): Promise<void> {
    const { commit, errorFor } = this.#options;
    let asked = group;
    let verdicts: readonly Verdict[];
    try {
      verdicts = await resolved(() => {
        asked = stillAsked(asked);
        return asked.length === 0 ? Promise.resolve([]) : commit(asked.map(({ prepared }) => prepared));
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
    this.#tell(verdicts);
    asked.forEach((waiting, index) => {
      const verdict = verdicts[index];
      if (verdict === undefined)
        waiting.reject(new Error(`No verdict for request ${index} of ${asked.length}`));
      else waiting.resolve(verdict);
    });
  }

  #tell(verdicts: readonly Verdict[]): void {
    let last = 0n;
    for (const verdict of verdicts)
      if (!(verdict instanceof Error) && verdict.outcome === 'APPENDED' && verdict.lastPosition > last)
        last = verdict.lastPosition;
    if (last > 0n) this.#options.onCommitted?.(last);
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
