import { OverloadedError, StoreUnavailableError } from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';

const FIRST_MS = 200;
const LONGEST_MS = 10_000;
/** What lasted so long was no failure to begin. */
const WORKED_MS = 10_000;

/** The pauses between tries: twice as long each time, by chance, and at least what the service asks for. */
export class Pause {
  readonly #runtime: Runtime;
  #failures = 0;
  #since: number | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** It has begun to work; if that lasts, the pauses begin anew. */
  worked(): void {
    this.#since = this.#runtime.monotonic();
  }

  /** Rejects with the signal's reason. */
  async take(error: unknown, signal: AbortSignal): Promise<void> {
    if (this.#since !== undefined && this.#runtime.monotonic() - this.#since >= WORKED_MS) this.#failures = 0;
    this.#since = undefined;
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    const asked =
      error instanceof StoreUnavailableError || error instanceof OverloadedError
        ? error.retryAfterMilliseconds
        : 0;
    await this.#runtime.sleep(Math.min(LONGEST_MS, asked + this.#runtime.random() * ceiling), signal);
  }
}
