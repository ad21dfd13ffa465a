import type { EventEmitter } from 'node:events';
import { StoreUnavailableError } from '../core/errors.js';
import { CallScope } from './call-scope.js';

/** All calls under way, and whether new ones are still taken. */
export class Calls {
  readonly #open = new Set<CallScope>();
  #draining = false;
  #onIdle: (() => void) | undefined;

  get size(): number {
    return this.#open.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Begins a call; it counts until grpc-js reports its end, that is until the status has left. */
  open(call: EventEmitter): CallScope {
    const scope = new CallScope(call, (closed) => {
      this.#open.delete(closed);
      this.#endServants();
      if (this.#open.size === 0) this.#onIdle?.();
    });
    this.#open.add(scope);
    return scope;
  }

  /** Throws if the service shuts down: what comes now was not begun. */
  refuseWhileDraining(): void {
    if (this.#draining) throw shuttingDown();
  }

  /** Takes no more calls and tells those under way. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    for (const scope of this.#open) scope.onDrain?.();
    this.#endServants();
  }

  /** Ends the calls that are only there for others, when those are over. */
  #endServants(): void {
    if (!this.#draining) return;
    const left = [...this.#open];
    if (left.every(({ onOthersDone }) => onOthersDone !== undefined))
      for (const { onOthersDone } of left) onOthersDone?.();
  }

  /** Ends what is left. */
  abortAll(reason: Error): void {
    for (const scope of this.#open) scope.abort(reason);
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }
}

/** The answer to what was not begun because the service shuts down. */
export function shuttingDown(): StoreUnavailableError {
  return new StoreUnavailableError('The service is shutting down; go to another instance, or come back', {
    outcome: 'NOT_APPLIED',
    retryAfterMilliseconds: 100,
  });
}
