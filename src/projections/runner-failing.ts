import type { ProjectionFailure } from '../core/projections.js';
import type { Runtime } from '../core/runtime.js';
import { isProgramsFault, mayPass, retryDelay, textOf } from './runner-backoff.js';
import type { FailedEvent } from './runner-handling.js';
import { NO_STREAM } from './runner-report.js';

/** At what a generation failed last, how often in a row, and when it may try again. */
export class Failing {
  readonly #runtime: Runtime;
  #failure: ProjectionFailure | undefined;
  #inRow = 0;
  #notBefore = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get failure(): ProjectionFailure | undefined {
    return this.#failure;
  }

  /** Milliseconds until it may try again. */
  get wait(): number {
    return Math.max(0, this.#notBefore - this.#runtime.monotonic());
  }

  /** It goes on, or begins anew. */
  clear(): void {
    this.#failure = undefined;
    this.#inRow = 0;
    this.#notBefore = 0;
  }

  /** A handler failed; without a time it is not tried again. */
  atEvent({ event, error, attempts }: FailedEvent, afterMs?: number): void {
    this.#failed(error, { position: event.position, stream: event.stream, attempts, afterMs });
  }

  /** Something else failed, a store or a database. Gives when to try again, or `undefined` where that cannot help. */
  elsewhere(error: unknown, position: bigint): number | undefined {
    this.#inRow += 1;
    const afterMs = mayPass(error) && !isProgramsFault(error) ? retryDelay(this.#inRow) : undefined;
    this.#failed(error, { position, stream: NO_STREAM, attempts: this.#inRow, afterMs });
    return afterMs;
  }

  #failed(
    error: unknown,
    about: Pick<ProjectionFailure, 'position' | 'stream' | 'attempts'> & { afterMs: number | undefined },
  ): void {
    const { afterMs, ...rest } = about;
    const failedAt = this.#runtime.now();
    const retryAt = afterMs === undefined ? undefined : failedAt + BigInt(Math.round(afterMs * 1_000));
    this.#notBefore = this.#runtime.monotonic() + (afterMs ?? 0);
    this.#failure = { ...rest, error: textOf(error), failedAt, retryAt };
  }
}
