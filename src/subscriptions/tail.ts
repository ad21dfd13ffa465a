import { LogEpochChangedError, StoreUnavailableError } from '../core/errors.js';
import { WHOLE_LOG } from '../core/filter.js';
import type { LoadPage } from '../core/load.js';
import type { Committed, Log } from '../core/log.js';
import type { Look } from '../core/look.js';
import type { Runtime } from '../core/runtime.js';
import { Dispatch } from './dispatch.js';
import { Ring, type RingOptions } from './ring.js';

/** How the tail reader waits, and those that follow it. */
export interface TailOptions {
  readonly ring?: RingOptions;
  /**
   * Milliseconds after which it looks at the log although nobody woke it, while events come …
   * @default 250
   */
  readonly pollMilliseconds?: number;
  /**
   * … and after this long without any.
   * @default 1000
   */
  readonly idlePollMilliseconds?: number;
  /**
   * Milliseconds for which the log may be out of reach before the subscriptions are ended.
   * @default 30000
   */
  readonly outageMilliseconds?: number;
  /**
   * Milliseconds after which a subscription that was given nothing is told how far the log was scanned, if it was. Where it is
   * the turn of many they are told one after the other, in as long again.
   * @default 1000
   */
  readonly progressMilliseconds?: number;
  /** Told of each failure to read, and of recovery. */
  readonly onFailure?: (error: unknown) => void;
}

/** Stretches that may wait for the tail reader; when there are more, it reads them from the table. */
const COMMITTED = 16;
/** Made once: an error notes the stack, and the reader is woken after each commit. */
const WOKEN = new Error('The tail reader is woken');

/**
 * Reads the end of the log once for all live subscriptions of a process, into one ring. The first follower starts it,
 * the last one stops it. It is woken by hints and polls besides, since hints can be lost; it looks at the log *after* a
 * hint, and a hint that comes during a look causes another. What this process has written itself comes with its hint, and
 * where that joins on to the ring it is not read again.
 */
export class Tail {
  readonly #log: Log;
  readonly #runtime: Runtime;
  readonly #options: TailOptions;
  #run: Run | undefined;

  constructor(log: Log, runtime: Runtime, options: TailOptions = {}) {
    this.#log = log;
    this.#runtime = runtime;
    this.#options = options;
  }

  /** How many follow now. */
  get followers(): number {
    return this.#run?.followers ?? 0;
  }

  /** Begins to follow; resolves when the tail reader stands at the head. Call `leave` on the result when done. */
  async follow(): Promise<TailFollower> {
    if (this.#run === undefined || this.#run.ended)
      this.#run = new Run(this.#log, this.#runtime, this.#options);
    const run = this.#run;
    run.followers += 1;
    let following = true;
    const leave = () => {
      if (!following) return;
      following = false;
      run.followers -= 1;
      if (run.followers > 0) return;
      run.stop();
      if (this.#run === run) this.#run = undefined;
    };
    try {
      const { dispatch, ring } = await run.opened;
      return { dispatch, ring, leave };
    } catch (error) {
      leave();
      throw error;
    }
  }
}

/** A subscription's place at the tail. */
export interface TailFollower {
  readonly ring: Ring;
  /**
   * Tells of what the ring gets. Ends with `StoreUnavailableError` when the log has been out of reach for too long, and
   * with `LogEpochChangedError` when it lost its tail.
   */
  readonly dispatch: Dispatch;
  leave(): void;
}

type Opened = Pick<TailFollower, 'dispatch' | 'ring'>;

/** One run of the reader, from its first follower to its last. */
class Run {
  readonly opened: Promise<Opened>;
  followers = 0;
  readonly #stop = new AbortController();
  readonly #log: Log;
  readonly #runtime: Runtime;
  readonly #options: TailOptions;
  #ended = false;
  #hinted = false;
  /** What this process has written since; the ring has got some of it, or none. */
  readonly #committed: Committed[] = [];
  #wake: () => void = () => undefined;

  constructor(log: Log, runtime: Runtime, options: TailOptions) {
    this.#log = log;
    this.#runtime = runtime;
    this.#options = options;
    this.opened = this.#open();
  }

  /** Whether the reader has given up, or was stopped. */
  get ended(): boolean {
    return this.#ended;
  }

  stop(): void {
    this.#stop.abort();
    this.#wake();
  }

  async #open(): Promise<Opened> {
    // Hints count from before the head is read: what commits in between is not missed.
    const stopHints = this.#log.onAdvance((committed) => {
      if (committed !== undefined && this.#committed.length < COMMITTED) this.#committed.push(committed);
      else this.#hinted = true;
      this.#wake();
    });
    try {
      const head = await this.#log.head(this.#stop.signal);
      const ring = new Ring(head.position, head.epoch, this.#options.ring);
      const opened = {
        ring,
        dispatch: new Dispatch(ring, this.#runtime, this.#options.progressMilliseconds),
      };
      void this.#read(opened).finally(stopHints);
      return opened;
    } catch (error) {
      stopHints();
      this.#ended = true;
      throw error;
    }
  }

  async #read({ dispatch, ring }: Opened): Promise<void> {
    const end = (failure: unknown) => {
      this.#ended = true;
      dispatch.end(failure);
    };
    const {
      pollMilliseconds = 250,
      idlePollMilliseconds = 1000,
      outageMilliseconds = 30_000,
    } = this.#options;
    const { signal } = this.#stop;
    let quietSince = this.#runtime.monotonic();
    let failingSince: number | undefined;
    let due = true;
    while (!signal.aborted) {
      this.#hinted = false;
      try {
        const before = ring.end;
        if (due || !(await this.#takeOver({ dispatch, ring })))
          await this.#readOn({ dispatch, ring }, signal);
        failingSince = undefined;
        if (ring.end > before) quietSince = this.#runtime.monotonic();
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof LogEpochChangedError) return end(error);
        this.#options.onFailure?.(error);
        const now = this.#runtime.monotonic();
        failingSince ??= now;
        if (now - failingSince >= outageMilliseconds)
          return end(
            new StoreUnavailableError(
              `The log has been out of reach for ${Math.round((now - failingSince) / 1000)} s; resume later`,
              { cause: error },
            ),
          );
      }
      const quiet = this.#runtime.monotonic() - quietSince > 5000;
      due = this.#hinted;
      if (!due && this.#committed.length === 0)
        due = (await this.#pause(quiet ? idlePollMilliseconds : pollMilliseconds)) || this.#hinted;
    }
    end(new StoreUnavailableError('The tail reader has stopped'));
  }

  /** Adds what this process has written. Answers whether that was all: it does not join on where others have written, too. */
  async #takeOver(opened: Opened): Promise<boolean> {
    const { ring } = opened;
    // Those who wrote it are answered first: one turn of the event loop writes to their calls, the next one to the sockets.
    for (let turn = 0; turn < 2; turn += 1) await new Promise(setImmediate);
    for (let next = this.#committed[0]; next !== undefined; next = this.#committed[0]) {
      if (next.scannedTo > ring.end) {
        if (next.scannedAfter !== ring.end || next.epoch !== ring.epoch) return false;
        push(opened, next.page(), next.look());
      }
      this.#committed.shift();
    }
    return true;
  }

  async #readOn(opened: Opened, signal: AbortSignal): Promise<void> {
    const { ring } = opened;
    // Was committed before the look, which therefore shows it.
    this.#committed.length = 0;
    for await (const page of this.#log.scan({ scope: WHOLE_LOG, filters: [] }, ring.end, signal)) {
      if (page.epoch !== ring.epoch) await this.#checkEpoch(ring);
      push(opened, page);
    }
  }

  /** The log began another life: fine if it kept what the ring holds, else all that follow must learn of it. */
  async #checkEpoch(ring: Ring): Promise<void> {
    const later = (await this.#log.epochs(this.#stop.signal)).filter(({ epoch }) => epoch > ring.epoch);
    const kept = later.reduce(
      (least, { startedAfterPosition }) => (startedAfterPosition < least ? startedAfterPosition : least),
      ring.end,
    );
    if (kept < ring.end)
      throw new LogEpochChangedError(ring.end, ring.epoch, kept, later.at(-1)?.epoch ?? ring.epoch);
  }

  /** Sleeps until woken or the time is over, and says whether it is. */
  async #pause(milliseconds: number): Promise<boolean> {
    const woken = new AbortController();
    this.#wake = () => woken.abort(WOKEN);
    try {
      if (!this.#stop.signal.aborted) await this.#runtime.sleep(milliseconds, woken.signal);
      return true;
    } catch (error) {
      if (!woken.signal.aborted) throw error;
      return false;
    } finally {
      this.#wake = () => undefined;
    }
  }
}

function push({ dispatch, ring }: Opened, page: LoadPage, look?: Look): void {
  ring.push(page, look);
  const stored = ring.pageAfter(page.scannedAfter);
  if (stored === undefined) return;
  // What the page itself says is erased is empty in the ring, and then it is objects.
  dispatch.advanced(stored, stored.events.packed === undefined ? undefined : look);
}
