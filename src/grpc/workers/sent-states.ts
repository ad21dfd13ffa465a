import type { Event } from '../../core/event.js';

/** Aggregates of which it is kept what the worker has. */
const AGGREGATES = 10_000;
/** Bytes of events that are kept to be sent with the next command, of all aggregates together. */
const TAIL_BYTES = 8 * 1024 * 1024;
/** What an event costs beside its data. */
const EVENT_BYTES = 512;

/** What a worker was sent of an aggregate. */
export interface SentState {
  /** The last version that it was sent. */
  readonly version: bigint;
  /**
   * The events behind it that were committed here since; `undefined` if nothing is known of what came behind. Others may
   * have appended more: that shows at the append.
   */
  readonly tail: readonly Event[] | undefined;
}

/** What a worker that keeps states has been sent of which aggregates, those used last. */
export class SentStates {
  /** The first was used longest ago. */
  readonly #states = new Map<string, SentState & { readonly bytes: number }>();
  #bytes = 0;

  get(key: string): SentState | undefined {
    return this.#states.get(key);
  }

  /** The worker has everything up to this version. */
  sent(key: string, version: bigint): void {
    this.forget(key);
    this.#states.set(key, { version, tail: undefined, bytes: 0 });
    if (this.#states.size <= AGGREGATES) return;
    for (const oldest of this.#states.keys()) {
      this.forget(oldest);
      break;
    }
  }

  /** A command that was decided on `decidedOn` is committed, and the aggregate is at `version` now. */
  committed(key: string, decidedOn: bigint, version: bigint, events: readonly Event[]): void {
    const state = this.#states.get(key);
    if (state === undefined || state.version !== decidedOn) return;
    // Of an aggregate created anew versions go on, so that they are not those of the events alone.
    if (decidedOn + BigInt(events.length) !== version) return this.forget(key);
    const bytes = events.reduce((sum, { data }) => sum + data.byteLength + EVENT_BYTES, 0);
    if (this.#bytes + bytes > TAIL_BYTES) return;
    this.#bytes += bytes - state.bytes;
    this.#states.set(key, { version: state.version, tail: events, bytes });
  }

  forget(key: string): void {
    this.#bytes -= this.#states.get(key)?.bytes ?? 0;
    this.#states.delete(key);
  }
}
