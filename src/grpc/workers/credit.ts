import { OverloadedError } from '../../core/errors.js';
import { onAbort } from '../../core/on-abort.js';

interface Waiting {
  readonly go: () => void;
  readonly fail: (error: Error) => void;
}

/** So many at a time, the others in turn; and no more than so many in wait. */
export class Credit {
  readonly #waiting = new Set<Waiting>();
  readonly #queue: number;
  #free: number;

  constructor(atATime: number, queue: number) {
    this.#free = atATime;
    this.#queue = queue;
  }

  /** Resolves when it is one's turn, to be given back. Throws `OverloadedError` if too many wait. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    if (this.#waiting.size >= this.#queue)
      throw new OverloadedError(`${this.#waiting.size} commands wait for the same worker already`, {
        limit: 'commands of one worker',
        outcome: 'NOT_APPLIED',
      });
    await new Promise<void>((resolve, reject) => {
      const one: Waiting = {
        go: () => {
          letGo();
          resolve();
        },
        fail: (error) => {
          letGo();
          reject(error);
        },
      };
      const letGo = onAbort(signal, () => {
        this.#waiting.delete(one);
        reject(signal.reason as Error);
      });
      this.#waiting.add(one);
    });
  }

  give(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      next.go();
      return;
    }
    this.#free += 1;
  }

  /** Sends all away that wait. */
  refuse(error: () => Error): void {
    for (const one of this.#waiting) {
      this.#waiting.delete(one);
      one.fail(error());
    }
  }
}
