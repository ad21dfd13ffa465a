import { type Event, eventBytes } from '../core/event.js';
import { erasedVersions, isSystemEventType } from '../core/system-events.js';
import type { Aggregate } from './aggregate.js';

/** Where a fold begins. */
export interface FoldBase<State> {
  readonly version: bigint;
  readonly state: State;
  /** The version of the newest snapshot that is known of; 0 if none is. */
  readonly snapshotVersion: bigint;
  /** Of the events that were folded into the state, about. */
  readonly bytes: number;
}

/** Before the first event. */
export function beginning<State>(aggregate: Aggregate<State>): FoldBase<State> {
  return { version: 0n, state: aggregate.initial(), snapshotVersion: 0n, bytes: 0 };
}

/** A fold under way: what a stream shows, event by event, on a base whose own event may be among them. */
export class Folding<State> implements FoldBase<State> {
  version: bigint;
  state: State;
  snapshotVersion: bigint;
  bytes: number;
  deleted = false;
  /** The stream has shown at least one event. */
  any = false;
  /** The base's own event is not the first that was shown. */
  gap = false;
  /** Something was erased that the base may hold. */
  erased = false;
  readonly #aggregate: Aggregate<State>;
  readonly #base: FoldBase<State>;

  constructor(aggregate: Aggregate<State>, base: FoldBase<State>) {
    this.#aggregate = aggregate;
    this.#base = base;
    this.version = base.version;
    this.state = base.state;
    this.snapshotVersion = base.snapshotVersion;
    this.bytes = base.bytes;
  }

  /** Throws `PayloadError`. */
  add(event: Event): void {
    const base = this.#base;
    if (!this.any && base.version > 0n) this.gap = event.version > base.version;
    this.any = true;
    if (event.version <= base.version) return;
    this.version = event.version;
    this.bytes += eventBytes(event);
    const system = isSystemEventType(event.eventType);
    if (system) this.erased ||= (erasedVersions(event) ?? []).some(({ first }) => first <= base.version);
    if (event.eventType === '$stream-deleted' || event.eventType === '$stream-erased') this.deleted = true;
    else if (event.eventType === '$stream-restored') this.deleted = false;
    else if (this.deleted && !system) {
      // Created anew: a life of its own.
      this.deleted = false;
      this.state = this.#aggregate.initial();
      this.snapshotVersion = 0n;
    }
    this.state = this.#aggregate.fold(this.state, event);
  }
}
