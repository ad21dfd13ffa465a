import type { Event } from '../core/event.js';
import {
  type Batch,
  type FailureDecision,
  type GenerationWork,
  HandlerError,
  type OnHandlerFailure,
} from './projection-work.js';
import { retryDelay } from './runner-backoff.js';

/** What one step came to. */
export type Handled =
  | { readonly kind: 'KEPT'; readonly batch: Batch }
  | { readonly kind: 'IGNORED'; readonly batch: Batch; readonly failed: FailedEvent }
  /** Nothing was done: what is in front of a failed event is to be handled first. */
  | { readonly kind: 'SPLIT' }
  | { readonly kind: 'RETRY'; readonly failed: FailedEvent; readonly afterMs: number }
  | { readonly kind: 'FAIL'; readonly failed: FailedEvent };

export interface FailedEvent {
  readonly event: Event;
  readonly error: unknown;
  readonly attempts: number;
}

/** Batches that were taken up and are not finished, and what is to become of an event among them that fails. */
export class Handling {
  readonly #onFailure: OnHandlerFailure;
  #batches: Batch[] = [];
  #undecided: FailedEvent | undefined;
  #attempts = { position: -1n, count: 0 };

  constructor(onFailure: OnHandlerFailure) {
    this.#onFailure = onFailure;
  }

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  add(batch: Batch): void {
    this.#batches.push(batch);
  }

  /** Forgets all that is under way. */
  clear(): void {
    this.#batches = [];
    this.#undecided = undefined;
    this.#attempts = { position: -1n, count: 0 };
  }

  /** Handles the next batch, or decides about its failed event. Throws what is no handler's failure; then ask again. */
  async step(work: GenerationWork, signal: AbortSignal): Promise<Handled> {
    const [batch, ...rest] = this.#batches;
    if (batch === undefined) return { kind: 'SPLIT' };
    const failed = this.#undecided;
    if (failed !== undefined && batch.events[0]?.position === failed.event.position)
      return this.#decide(work, failed, batch, rest, signal);
    try {
      await work.handle(batch, signal);
    } catch (error) {
      const event = error instanceof HandlerError ? batch.events.indexOf(error.event) : -1;
      if (!(error instanceof HandlerError) || event < 0) throw error;
      const { position } = error.event;
      const count = this.#attempts.position === position ? this.#attempts.count + 1 : 1;
      this.#attempts = { position, count };
      this.#undecided = { event: error.event, error: error.cause, attempts: count };
      this.#batches = [...splitAt(batch, event), ...rest];
      return { kind: 'SPLIT' };
    }
    this.#batches = rest;
    return { kind: 'KEPT', batch };
  }

  async #decide(
    work: GenerationWork,
    failed: FailedEvent,
    batch: Batch,
    rest: readonly Batch[],
    signal: AbortSignal,
  ): Promise<Handled> {
    const decision: FailureDecision = await this.#onFailure(failed.error, failed.event, failed.attempts);
    if (decision.kind === 'IGNORE') {
      const without = splitAt({ ...batch, events: batch.events.slice(1) }, 0, failed.event);
      const [skipped, ...others] = without;
      if (skipped !== undefined) await work.handle(skipped, signal);
      this.#batches = [...others, ...rest];
      this.#undecided = undefined;
      return { kind: 'IGNORED', batch: skipped ?? batch, failed };
    }
    this.#undecided = undefined;
    if (decision.kind === 'FAIL') return { kind: 'FAIL', failed };
    return { kind: 'RETRY', failed, afterMs: decision.afterMs ?? retryDelay(failed.attempts) };
  }
}

/**
 * The batch in two: what is before the event of that index, and it with what follows. With an event that is left out, what
 * only moves the position over it comes first.
 */
function splitAt(batch: Batch, index: number, leftOut?: Event): Batch[] {
  const border = leftOut ?? batch.events[index - 1];
  if (border === undefined) return [batch];
  const { position } = border;
  const { epoch } = batch.upTo;
  const upTo = { position, ...(epoch === undefined ? {} : { epoch }) };
  const front = { events: batch.events.slice(0, index), after: batch.after, upTo };
  if (position === batch.upTo.position) return [front];
  return [front, { events: batch.events.slice(index), after: position, upTo: batch.upTo }];
}
