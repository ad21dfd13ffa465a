import { LogEpochChangedError, PositionUnknownError } from '../../core/errors.js';
import type { Event } from '../../core/event.js';
import { WHOLE_LOG } from '../../core/filter.js';
import { type Matcher, matcher } from '../../core/matcher.js';
import type { EventSelection } from '../../core/selection.js';
import { Alarm } from '../alarm.js';
import type { Deliveries } from './deliveries.js';
import { DELIVERY_EVENTS, READS, REPLAYS } from './group-limits.js';
import type { StreamMark } from './group-storage.js';
import type { GroupStream } from './group-stream.js';
import type { MemberSlot } from './member-slot.js';
import type { GroupParts } from './member-parts.js';
import { retryDelay } from './retry-delay.js';

/** Whom a reader tells. */
export interface HeldReaderListener {
  /** Something waits to be delivered, or a replay came to its end. */
  advanced(): void;
  /** The log has lost what the group has done. */
  failed(error: Error): void;
}

/**
 * Reads the events of streams that the feed passes over, a stream at a time: those that are replayed, and those that fell
 * behind while one of their events was retried. In pages of one delivery, each when the last is answered, until the stream
 * has come to where the feed is.
 */
export class HeldReader {
  readonly #parts: GroupParts;
  readonly #deliveries: Deliveries;
  readonly #listener: HeldReaderListener;
  readonly #stop = new AbortController();
  readonly #alarm: Alarm;
  #matches: Matcher;
  #reads = 0;
  #failures = 0;
  #restUntil = 0;

  constructor(
    parts: GroupParts,
    deliveries: Deliveries,
    options: { readonly selection: EventSelection; readonly listener: HeldReaderListener },
  ) {
    this.#parts = parts;
    this.#deliveries = deliveries;
    this.#listener = options.listener;
    this.#matches = matching(options.selection);
    this.#alarm = new Alarm(parts.runtime, () => this.readOn());
  }

  select(selection: EventSelection): void {
    this.#matches = matching(selection);
  }

  /** Begins to replay a stream; one too many is left to the next beat, which tells of it again. */
  replay(slot: MemberSlot, mark: StreamMark): void {
    const stream = slot.stream(mark.stream);
    // That it is over, or parked again, may be on its way and not yet kept.
    if (slot.isToTell(stream, 'CLEAR') || slot.isToTell(stream, 'PARKED') || stream.behind) return;
    let replays = 0;
    for (const one of this.#deliveries.toRead) if (one.replayed) replays += 1;
    if (stream.state !== 'PARKED' && stream.state !== 'IDLE') return;
    if (replays >= REPLAYS) return stream.after('PARKED');
    stream.after('REPLAY');
    stream.readTo = mark.position - 1n;
    stream.attempts = mark.attempts;
    stream.failingAt = mark.position;
    if (stream.heldTo < slot.fedTo) stream.heldTo = slot.fedTo;
    this.#deliveries.toRead.add(stream);
  }

  /** Reads what there is room for. */
  readOn(): void {
    if (this.#parts.runtime.monotonic() < this.#restUntil) return this.#alarm.set(this.#restUntil);
    for (const stream of this.#deliveries.toRead) {
      if (!stream.held || stream.state === 'PARKED') {
        this.#deliveries.toRead.delete(stream);
        continue;
      }
      if (this.#reads >= READS || !this.#deliveries.hasRoom) return;
      const isFree = stream.state === 'REPLAYING' || stream.state === 'IDLE';
      if (!isFree || stream.reading || stream.slot.state !== 'HELD') continue;
      if (this.#caughtUp(stream)) continue;
      if (stream.readTo < stream.heldTo) void this.#read(stream);
    }
  }

  stop(): void {
    this.#alarm.clear();
    this.#stop.abort(new Error('The membership has ended'));
  }

  #caughtUp(stream: GroupStream): boolean {
    const { slot } = stream;
    if (stream.readTo < stream.heldTo || slot.fedTo < stream.readTo) return false;
    this.#deliveries.toRead.delete(stream);
    if (stream.replayed) {
      slot.tell(stream, { kind: 'CLEAR' });
      stream.after('CAUGHT_UP');
    }
    stream.behind = false;
    slot.open.delete(stream);
    if (stream.doneTo < stream.readTo) stream.doneTo = stream.readTo;
    slot.forget(stream);
    this.#listener.advanced();
    return true;
  }

  async #read(stream: GroupStream): Promise<void> {
    const { log, runtime } = this.#parts;
    const first = stream.readTo + 1n;
    const last = stream.heldTo;
    const events: Event[] = [];
    this.#reads += 1;
    stream.reading = true;
    try {
      const pages = log.load(
        {
          scope: { kind: 'STREAMS', streams: [stream.stream] },
          filters: [{ positions: { first, last } }],
          limit: BigInt(DELIVERY_EVENTS),
          includeDeleted: true,
        },
        { signal: this.#stop.signal },
      );
      for await (const page of pages) events.push(...page.events);
      this.#failures = 0;
      if (stream.slot.state !== 'GONE') this.#queue(stream, events, last);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (error instanceof LogEpochChangedError || error instanceof PositionUnknownError)
        return this.#listener.failed(error);
      this.#failures += 1;
      this.#restUntil = runtime.monotonic() + retryDelay(this.#failures);
    } finally {
      this.#reads -= 1;
      stream.reading = false;
    }
    this.readOn();
    this.#listener.advanced();
  }

  #queue(stream: GroupStream, events: readonly Event[], last: bigint): void {
    const end = events.length < DELIVERY_EVENTS ? last : (events.at(-1)?.position ?? last);
    if (stream.readTo < end) stream.readTo = end;
    for (const event of events)
      if (event.position > stream.doneTo && this.#matches(event)) this.#deliveries.queue(stream, event);
  }
}

function matching({ filters, scope = WHOLE_LOG }: EventSelection): Matcher {
  return matcher(scope, filters);
}
