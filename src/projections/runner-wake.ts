import { onAbort } from '../core/on-abort.js';
import type { Runtime } from '../core/runtime.js';

/** Lets one waiter sleep until its time is over or somebody wakes it; who is woken while awake does not sleep next time. */
export class Wake {
  readonly #runtime: Runtime;
  #woken = false;
  #sleeping: AbortController | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  wake(): void {
    this.#woken = true;
    this.#sleeping?.abort();
  }

  /** Rejects with the signal's reason when that is aborted. */
  async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#woken && milliseconds > 0) {
      const sleeping = new AbortController();
      this.#sleeping = sleeping;
      const letGo = onAbort(signal, () => sleeping.abort());
      await this.#runtime.sleep(milliseconds, sleeping.signal).catch((error: unknown) => {
        if (!sleeping.signal.aborted) throw error;
      });
      letGo();
      this.#sleeping = undefined;
    }
    this.#woken = false;
    signal.throwIfAborted();
  }
}
