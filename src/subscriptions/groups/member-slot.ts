import { type StreamId, streamKey } from '../../core/stream.js';
import type { LogPosition } from '../../core/subscribe.js';
import type { HeldSlot, StreamMark, StreamNews } from './group-storage.js';
import { GroupStream } from './group-stream.js';
import { nextSlotState, type SlotEvent, type SlotState } from './slot-states.js';

/** A slot that a member has; its states are in `slot-states.ts`. */
export class MemberSlot {
  #state: SlotState = 'HELD';
  readonly slot: number;
  readonly fence: bigint;
  /** The feed has brought all its events up to here. */
  fedTo: bigint;
  #epoch: bigint | undefined;
  /** The epoch of the log of which `fedTo` is known to be. */
  soundIn: bigint | undefined;
  /** As it is stored. */
  persisted: bigint;
  /** The highest event that is done, or parked. */
  doneUpTo: bigint;
  /** While it is being released: by the monotonic clock, from when on it may be taken away without a word. */
  deliversUntil = 0;
  /** Its events that are under way to the consumer. */
  inFlight = 0;
  /** Answers that no beat has confirmed. */
  unconfirmed = 0;
  /** Streams about which something is known. */
  readonly streams = new Map<string, GroupStream>();
  /** Those of them with events that are not done. */
  readonly open = new Set<GroupStream>();
  /** To be kept, by stream, until a beat was answered that carried it. */
  readonly news = new Map<string, readonly StreamNews[]>();

  constructor({ slot, fence, position }: HeldSlot) {
    this.slot = slot;
    this.fence = fence;
    this.fedTo = position.position;
    this.#epoch = position.epoch;
    this.persisted = position.position;
    this.doneUpTo = position.position;
  }

  get state(): SlotState {
    return this.#state;
  }

  after(event: SlotEvent): void {
    this.#state = nextSlotState(this.#state, event);
  }

  stream(stream: StreamId): GroupStream {
    const key = streamKey(stream);
    let known = this.streams.get(key);
    if (known === undefined) {
      known = new GroupStream(this, key, { ...stream });
      this.streams.set(key, known);
    }
    return known;
  }

  fed(position: bigint, epoch: bigint): void {
    if (position <= this.fedTo) return;
    this.fedTo = position;
    this.#epoch = epoch;
    this.soundIn = epoch;
  }

  /** Whether up to `fedTo` it has the same events as a log of that epoch, of which a subscription goes on behind `begin`. */
  isSound(epoch: bigint, begin: bigint): boolean {
    return this.soundIn === epoch || (this.fedTo === begin && this.#epoch === epoch);
  }

  /** Up to where the feed is, with its epoch. */
  get fedPosition(): LogPosition {
    return this.#at(this.fedTo);
  }

  /** All its events up to here are done, or parked. */
  get position(): LogPosition {
    let position = this.fedTo;
    for (const stream of this.open) {
      const first = stream.firstOpen;
      if (first !== undefined && first <= position) position = first - 1n;
    }
    return this.#at(position);
  }

  #at(position: bigint): LogPosition {
    return this.#epoch === undefined ? { position } : { position, epoch: this.#epoch };
  }

  /** What was known about a stream when the slot was acquired. REPLAYING ones are begun by who reads them. */
  marked({ attempts, kind, position, stream }: StreamMark): void {
    const known = this.stream(stream);
    if (kind === 'ACKED') known.doneTo = position;
    if (kind === 'FAILING') {
      known.failingAt = position;
      known.attempts = attempts;
    }
    if (kind === 'PARKED') {
      known.after('PARKED');
      known.readTo = position - 1n;
    }
  }

  /** Replaces what was to be told about the stream before, but that a replay is over remains to be said. */
  tell(stream: GroupStream, news: NewsOf): void {
    const before = news.kind === 'FAILING' ? (this.news.get(stream.key) ?? []) : [];
    const told: StreamNews = { slot: this.slot, stream: stream.stream, ...news };
    this.news.set(stream.key, [...before.filter(({ kind }) => kind === 'CLEAR'), told]);
  }

  /** Whether this is still to be said about a stream. */
  isToTell(stream: GroupStream, kind: StreamNews['kind']): boolean {
    return this.news.get(stream.key)?.some((news) => news.kind === kind) ?? false;
  }

  /** Forgets a stream, unless there is something that its next event needs to know. */
  forget(stream: GroupStream): void {
    if (stream.state !== 'IDLE' || stream.behind || stream.reading) return;
    if (stream.doneTo > this.fedTo || stream.failingAt > this.fedTo) return;
    this.streams.delete(stream.key);
  }

  /** Forgets the streams whose marks the feed has passed. */
  forgetAll(): void {
    for (const stream of this.streams.values()) this.forget(stream);
  }
}

type WithoutPlace<T> = T extends unknown ? Omit<T, 'slot' | 'stream'> : never;
export type NewsOf = WithoutPlace<StreamNews>;
