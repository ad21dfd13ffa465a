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
  /** Told after each group that wrote something, with the log's last position as far as known here. */
  readonly onCommitted?: (lastPosition: bigint) => void;
  /**
   * Whether it makes no difference to a request when it is decided. Others are not held up by such: these have groups of their
   * own, in their order, within some milliseconds.
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

/** For how many milliseconds requests that may wait are gathered; a group for each would be most of the work. */
const GATHER_MILLISECONDS = 5;
/** After so many they go with others, if those leave no time between. */
const WAIT_MILLISECONDS = 10;

interface Waiting {
  readonly prepared: PreparedAppend;
  readonly options: CallOptions;
  resolve(verdict: Verdict): void;
  reject(error: unknown): void;
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
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #queuedEvents = 0;
  #running: Promise<void> | undefined;
  #closed = false;
  /** Ends the wait for a request that may not wait. */
  #worth: (() => void) | undefined;
  /** Since when requests that may wait have done so. */
  #waitingSince: number | undefined;
  /** Ends the wait for events that are worth a group behind the one that is under way. */
  #many: (() => void) | undefined;

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
    this.#queuedEvents += prepared.events;
    return new Promise<Verdict>((resolve, reject) => {
      this.#queue.push({ prepared, options, resolve, reject });
      if (this.#worth && !this.#mayWait(prepared)) this.#worth();
      if (this.#many && this.#areMany) this.#many();
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
      if (this.#allMayWait()) await this.#more();
      const group = this.#nextGroup();
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
    return this.#queuedEvents >= (this.#options.followingEvents ?? 16);
  }

  #gathered(): Promise<void> {
    if (this.#areMany) return Promise.resolve();
    return new Promise((resolve) => {
      this.#many = resolve;
    });
  }

  /** Sends the next group behind the last one, if it can be. */
  #follow(front: Promise<void>): Sent | undefined {
    const group = this.#nextGroup();
    if (group.length === 0) return undefined;
    const answer = this.#options.follow?.(group.map(({ prepared }) => prepared));
    if (answer === undefined) {
      this.#putBack(group);
      return undefined;
    }
    return { decided: this.#decide(group, { answer, front }) };
  }

  #putBack(group: Waiting[]): void {
    for (const { prepared } of group) {
      this.#queuedBytes += prepared.bytes;
      this.#queuedEvents += prepared.events;
    }
    this.#queue = [...group, ...this.#queue];
  }

  #mayWait(prepared: PreparedAppend): boolean {
    return !this.#closed && (this.#options.mayWait?.(prepared) ?? false);
  }

  #allMayWait(): boolean {
    return this.#queue.every(({ prepared }) => this.#mayWait(prepared));
  }

  /** Until something has come that may not wait, or those who wait have waited long enough. */
  async #more(): Promise<void> {
    const left = GATHER_MILLISECONDS - this.#waited();
    if (left <= 0) return;
    await new Promise<void>((resolve) => {
      this.#worth = resolve;
      void this.#options.runtime.sleep(left).then(resolve);
    });
    this.#worth = undefined;
  }

  /** For how many milliseconds requests that may wait have done so. */
  #waited(): number {
    const now = this.#options.runtime.monotonic();
    return now - (this.#waitingSince ??= now);
  }

  /**
   * The longest run from the queue's front that keeps within the budget, has no event id or command id twice, and no condition that may
   * be about events in front of it: those are checked against the table. What may wait is left where it is for some
   * milliseconds, if there is anything else.
   */
  #nextGroup(): Waiting[] {
    const { groupEvents = 1000, groupBytes = 4 * 1024 * 1024 } = this.#options;
    const group: Waiting[] = [];
    const left: Waiting[] = [];
    const leaves = !this.#allMayWait();
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
      } else if (leaves && this.#mayWait(prepared) && this.#waited() < WAIT_MILLISECONDS) {
        left.push(waiting);
        taken += 1;
        continue;
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
      this.#queuedEvents -= prepared.events;
      taken += 1;
    }
    if (left.length === 0) this.#waitingSince = undefined;
    const rest = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    this.#queue = left.length === 0 ? rest : [...left, ...rest];
    return group;
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
