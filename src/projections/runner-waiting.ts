import type { CallOptions } from '../core/call-options.js';
import { PositionNotReachedError } from '../core/errors.js';
import { onAbort } from '../core/on-abort.js';
import type { Runtime } from '../core/runtime.js';
import type { LogPosition } from '../core/subscribe.js';
import { mayPass } from './runner-backoff.js';
import { Wake } from './runner-wake.js';

/** Asked where the projection is elsewhere, no longer than so many milliseconds at a time. */
const ASK_MS = 2_000;
const PATIENCE_MS = 5_000;

export interface WaitingParts {
  readonly runtime: Runtime;
  /** Of the live generation, if this runner has it. */
  readonly live: () => { readonly position: LogPosition | undefined } | undefined;
  /** Asks the service, where it is another runner's. */
  readonly ask: (minPosition: LogPosition, options: CallOptions) => Promise<LogPosition>;
  /** It need not be known to the service yet. */
  readonly isStarting: () => boolean;
}

/** Those who wait until a projection has come somewhere, at its runner. */
export class Waiting {
  readonly #parts: WaitingParts;
  readonly #waiters = new Set<() => void>();

  constructor(parts: WaitingParts) {
    this.#parts = parts;
  }

  /** Its position or its state may be another. */
  changed(): void {
    for (const waiter of this.#waiters) waiter();
  }

  /** See `RunningProjection.waitFor`. */
  async until(wanted: bigint | LogPosition, options: CallOptions = {}): Promise<LogPosition> {
    const { ask, isStarting, live, runtime } = this.#parts;
    const { signal, timeoutMilliseconds = PATIENCE_MS } = options;
    const minPosition = typeof wanted === 'bigint' ? { position: wanted } : wanted;
    const until = runtime.monotonic() + timeoutMilliseconds;
    const wake = new Wake(runtime);
    const onChanged = () => wake.wake();
    const waiting = new AbortController();
    const letGo = signal && onAbort(signal, () => waiting.abort(signal.reason));
    if (signal?.aborted) waiting.abort(signal.reason);
    this.#waiters.add(onChanged);
    try {
      for (;;) {
        const here = live()?.position;
        if (here && here.position >= minPosition.position) return here;
        const rest = until - runtime.monotonic();
        if (rest <= 0) throw new PositionNotReachedError(minPosition.position, here?.position ?? 0n);
        // Of a projection that was made while the service was asked, the answer still says that there is none.
        const wasStarting = isStarting();
        if (live()) await wake.sleep(Math.min(rest, 1_000), waiting.signal);
        else
          try {
            const call = { signal: waiting.signal, timeoutMilliseconds: Math.min(rest, ASK_MS) };
            return await ask(minPosition, call);
          } catch (error) {
            waiting.signal.throwIfAborted();
            if (!mayPass(error) && !wasStarting) throw error;
            await wake.sleep(Math.min(rest, 50), waiting.signal);
          }
      }
    } finally {
      this.#waiters.delete(onChanged);
      letGo?.();
    }
  }
}
