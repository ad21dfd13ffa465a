import type { Event } from '../../core/event.js';
import type { StreamId } from '../../core/stream.js';
import type { MemberSlot } from './member-slot.js';
import { nextStreamState, type StreamEvent, type StreamState } from './stream-states.js';

/** What a member knows about one stream of a slot; its states are in `stream-states.ts`. */
export class GroupStream {
  #state: StreamState = 'IDLE';
  readonly slot: MemberSlot;
  readonly key: string;
  readonly stream: StreamId;
  /** Under way to the consumer, in order. */
  underWay: Event[] = [];
  /** To be delivered, in order; the first is the one that failed, if one did. */
  queue: Event[] = [];
  /** How often the event at `failingAt` was tried. */
  attempts = 0;
  failingAt = 0n;
  /** Events up to here are done, or done elsewhere, whatever the feed brings. */
  doneTo = 0n;
  /** Its later events are not in the queue, but are to be read again once that is empty: kept so while an event retries. */
  behind = false;
  /** Of one that is behind, parked or replayed: up to here it was read … */
  readTo = 0n;
  /** … and up to here the feed has passed over its events. */
  heldTo = 0n;
  /** By the monotonic clock: until when the consumer has to answer, or when the next attempt is due. */
  dueAt = 0;
  /** It is being read. */
  reading = false;

  constructor(slot: MemberSlot, key: string, stream: StreamId) {
    this.slot = slot;
    this.key = key;
    this.stream = stream;
  }

  get state(): StreamState {
    return this.#state;
  }

  after(event: StreamEvent): void {
    this.#state = nextStreamState(this.#state, event);
  }

  get replayed(): boolean {
    switch (this.#state) {
      case 'REPLAYING':
      case 'REPLAY_READY':
      case 'REPLAY_IN_FLIGHT':
      case 'REPLAY_RETRYING':
        return true;
      default:
        return false;
    }
  }

  get retrying(): boolean {
    return this.#state === 'RETRYING' || this.#state === 'REPLAY_RETRYING';
  }

  /** The feed is to pass over its events. */
  get held(): boolean {
    return this.behind || this.#state === 'PARKED' || this.replayed;
  }

  /** The slot's position may not pass what is not done; of a parked stream its mark tells. */
  get firstOpen(): bigint | undefined {
    if (this.#state === 'PARKED' || this.replayed) return undefined;
    const first = this.underWay[0] ?? this.queue[0];
    if (first !== undefined) return first.position;
    return this.behind ? this.readTo + 1n : undefined;
  }

  /** How often the next event was tried before. */
  get attemptsOfNext(): number {
    return this.queue[0]?.position === this.failingAt ? this.attempts : 0;
  }
}
