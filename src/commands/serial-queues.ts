import { ChurnedMap } from '../core/churned-map.js';
import { OverloadedError } from '../core/errors.js';
import { onAbort } from '../core/on-abort.js';

interface Waiting {
  readonly go: () => void;
}

/** Runs the tasks of one key one after the other, those of different keys side by side. */
export class SerialQueues {
  readonly #limit: number;
  // A key is there while a task of it runs; its entry holds those that wait, if any do.
  readonly #waiting = new ChurnedMap<string, Set<Waiting> | undefined>();

  /** @param limit tasks of one key that may wait */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Throws `OverloadedError` if too many wait; rejects with the signal's reason if it is aborted while waiting. */
  async run<T>(key: string, task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#waiting.has(key)) await this.#turn(key, signal);
    else this.#waiting.set(key, undefined);
    try {
      return await task();
    } finally {
      this.#next(key);
    }
  }

  #turn(key: string, signal: AbortSignal): Promise<void> {
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting);
    if (waiting.size >= this.#limit)
      throw new OverloadedError(`${waiting.size} commands wait for this aggregate already`, {
        limit: 'commands of one aggregate',
        outcome: 'NOT_APPLIED',
      });
    return new Promise((resolve, reject) => {
      const one: Waiting = {
        go: () => {
          letGo();
          resolve();
        },
      };
      const letGo = onAbort(signal, () => {
        waiting.delete(one);
        reject(signal.reason as Error);
      });
      waiting.add(one);
    });
  }

  #next(key: string): void {
    const waiting = this.#waiting.get(key);
    const [next] = waiting ?? [];
    if (next === undefined) {
      this.#waiting.delete(key);
      return;
    }
    waiting?.delete(next);
    next.go();
  }
}
