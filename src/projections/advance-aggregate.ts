import type { Event, Microseconds } from '../core/event.js';
import type { PayloadTypes } from '../core/event-types.js';
import type { PayloadCodec } from '../core/payload-codec.js';
import type { ProjectionFailure } from '../core/projections.js';
import type { StreamId } from '../core/stream.js';
import { AGGREGATE_STATE_BYTES, type Standing } from './aggregate-states.js';
import type { OnHandlerFailure } from './projection-work.js';
import type { HandlerTable } from './projector-handlers.js';
import { retryDelay, textOf } from './runner-backoff.js';

/** Finds what folds an event into a state. */
export type FoldTable<State> = HandlerTable<PayloadTypes, [State, Event], State>;

export interface AdvanceAggregateOptions<State> {
  readonly codec: PayloadCodec<State>;
  readonly folds: FoldTable<State>;
  readonly onFailure: OnHandlerFailure;
  readonly now: () => Microseconds;
  /** The state that was saved as these bytes. */
  readonly fresh: (bytes: Uint8Array) => State;
}

/** Takes one aggregate through some of its events. */
export class AdvanceAggregate<State> {
  readonly #options: AdvanceAggregateOptions<State>;

  constructor(options: AdvanceAggregateOptions<State>) {
    this.#options = options;
  }

  /**
   * Where it stands behind them, or in front of the one that has failed; the same object if nothing was new to it. Rejects
   * only when it is aborted, and with what `onFailure` throws.
   */
  async through(from: Standing<State>, all: readonly Event[], signal: AbortSignal): Promise<Standing<State>> {
    const events = all.filter(({ version }) => version > from.version);
    if (events.length === 0) return from;
    let state = from.state;
    for (const [index, event] of events.entries()) {
      signal.throwIfAborted();
      try {
        state = await this.#fold(state, event);
        // What is too large is the fault of the last event of those that are handled together.
        if (index === events.length - 1) return this.#standing(from, event.version, state);
      } catch (error) {
        signal.throwIfAborted();
        return this.#failed(from, events, index, error, signal);
      }
    }
    return from;
  }

  /** Of an aggregate that stands still only because it has more to catch up with than goes into one turn. */
  heldBack(stream: StreamId, position: bigint): ProjectionFailure {
    const failedAt = this.#options.now();
    return { stream, position, error: 'It catches up', attempts: 1, failedAt, retryAt: failedAt };
  }

  async #failed(
    from: Standing<State>,
    events: readonly Event[],
    index: number,
    error: unknown,
    signal: AbortSignal,
  ): Promise<Standing<State>> {
    // A fold may have changed the state that it was given: it is made anew from what was saved.
    const before = await this.#again(from, events.slice(0, index));
    // What is in front of it does not hold either, a state that is too large say: then none of them is kept.
    const failed = before === undefined ? 0 : index;
    const event = events[failed] as Event;
    const former = from.failure?.position === event.position ? from.failure.attempts : 0;
    const decision = await this.#options.onFailure(error, event, former + 1);
    const kept = before ?? { ...from, state: this.#options.fresh(from.bytes) };
    if (decision.kind === 'IGNORE') {
      const without = { ...kept, version: event.version, failure: undefined };
      return this.through(without, events.slice(failed + 1), signal);
    }
    const failedAt = this.#options.now();
    const { afterMs = retryDelay(former + 1) } = decision.kind === 'RETRY' ? decision : {};
    const retryAt = decision.kind === 'RETRY' ? failedAt + BigInt(Math.round(afterMs * 1000)) : undefined;
    const { position, stream } = event;
    const failure = { position, stream, error: textOf(error), attempts: former + 1, failedAt, retryAt };
    return { ...kept, failure };
  }

  async #again(from: Standing<State>, events: readonly Event[]): Promise<Standing<State> | undefined> {
    const last = events.at(-1);
    try {
      let state = this.#options.fresh(from.bytes);
      for (const event of events) state = await this.#fold(state, event);
      return last === undefined ? { ...from, state } : this.#standing(from, last.version, state);
    } catch (error) {
      if (last === undefined) throw error;
      return undefined;
    }
  }

  async #fold(from: State, stored: Event): Promise<State> {
    let state = from;
    for (const { event, handler } of this.#options.folds.handlersOf(stored))
      state = await handler(state, event);
    return state;
  }

  #standing({ stream }: Standing<State>, version: bigint, state: State): Standing<State> {
    const bytes = this.#options.codec.encode(state);
    if (bytes.byteLength > AGGREGATE_STATE_BYTES)
      throw new RangeError(
        `The state takes ${bytes.byteLength} bytes, the limit of one aggregate is ${AGGREGATE_STATE_BYTES}`,
      );
    return { stream, version, state, bytes, failure: undefined };
  }
}
