import { DeadlineExceededError } from '../core/errors.js';
import { onAbort } from '../core/on-abort.js';
import type { Runtime } from '../core/runtime.js';

/** Milliseconds by which a deadline may come late, so that those that begin about the same time share one timer. */
const SHARED_MILLISECONDS = 25;

interface Shared {
  readonly late: AbortController;
  readonly timer: AbortController;
  users: number;
}

/**
 * Deadlines for many calls: those that begin about the same time share a signal and a timer, since to make these costs as
 * much as to carry out a command on a state that is in memory.
 */
export class Deadlines {
  readonly #runtime: Pick<Runtime, 'monotonic' | 'sleep'>;
  readonly #shared = new Map<string, Shared>();

  constructor(runtime: Pick<Runtime, 'monotonic' | 'sleep'>) {
    this.#runtime = runtime;
  }

  /** Runs the call; fails with `DeadlineExceededError`, and aborts its signal, when it takes longer. */
  async within<T>(milliseconds: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const key = `${milliseconds} ${Math.floor(this.#runtime.monotonic() / SHARED_MILLISECONDS)}`;
    const shared = this.#shared.get(key) ?? this.#begin(key, milliseconds);
    shared.users += 1;
    const { signal } = shared.late;
    try {
      return await new Promise<T>((resolve, reject) => {
        const letGo = onAbort(signal, () => reject(signal.reason as Error));
        call(signal).then(resolve, reject).finally(letGo);
      });
    } finally {
      shared.users -= 1;
      // Who comes later finds another one.
      if (shared.users === 0) {
        if (this.#shared.get(key) === shared) this.#shared.delete(key);
        shared.timer.abort(new Error('In time'));
      }
    }
  }

  #begin(key: string, milliseconds: number): Shared {
    const shared: Shared = { late: new AbortController(), timer: new AbortController(), users: 0 };
    this.#shared.set(key, shared);
    void this.#runtime.sleep(milliseconds + SHARED_MILLISECONDS, shared.timer.signal).then(
      () => {
        this.#shared.delete(key);
        const message = `The command took longer than ${milliseconds} ms`;
        shared.late.abort(new DeadlineExceededError(message, { outcome: 'UNKNOWN' }));
      },
      // Nobody waits any more.
      () => undefined,
    );
    return shared;
  }
}
