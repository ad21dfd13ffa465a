import type { Delivery, GroupSettings, Nack } from '../../core/consumer-groups.js';
import { type Event, eventBytes } from '../../core/event.js';
import { briefReason } from '../../core/validate-group.js';
import { bytesAtMost, candidates, deliverableBelow, together } from './delivery-order.js';
import {
  DELIVERY_EVENTS,
  IN_FLIGHT_BYTES,
  MESSAGE_BYTES,
  WAITING_BYTES,
  WAITING_EVENTS,
} from './group-limits.js';
import type { GroupStream } from './group-stream.js';
import type { MemberSlot } from './member-slot.js';

const LOST = 'The consumer was lost, or did not answer in time';

/**
 * What waits at a member, and what is under way to its consumer: which events are delivered next, and what an answer does
 * to their stream. Of each stream one delivery is under way at a time.
 */
export class Deliveries {
  settings: GroupSettings;
  maxInFlight: number;
  /** Over all streams, since there is one slot. */
  readonly #oneOrder: boolean;
  readonly #byPosition = new Map<bigint, GroupStream>();
  readonly #ready = new Set<GroupStream>();
  readonly #retrying = new Set<GroupStream>();
  /** Streams of which the feed passed over events that are to be read: those that fell behind, and those replayed. */
  readonly toRead = new Set<GroupStream>();
  /** Those with events under way, by when they have to be answered. */
  readonly #underWay = new Set<GroupStream>();
  #inFlightBytes = 0;
  #waiting = 0;
  #waitingBytes = 0;

  constructor(settings: GroupSettings, options: { readonly slots: number; readonly maxInFlight: number }) {
    this.settings = settings;
    this.maxInFlight = options.maxInFlight;
    this.#oneOrder = options.slots === 1;
  }

  get inFlight(): number {
    return this.#byPosition.size;
  }

  /** Events that were read and wait. */
  get waiting(): number {
    return this.#waiting;
  }

  get hasRoom(): boolean {
    return this.#waiting < WAITING_EVENTS && this.#waitingBytes < WAITING_BYTES;
  }

  /** Whether events are under way. */
  get isUnderWay(): boolean {
    return this.#underWay.size > 0;
  }

  queue(stream: GroupStream, event: Event): void {
    stream.queue.push(event);
    this.#wait([event]);
    if (!stream.replayed) stream.slot.open.add(stream);
    const before = stream.state;
    stream.after('QUEUED');
    if (stream.state !== before) this.#ready.add(stream);
  }

  /**
   * Lets go what waits behind events that are retried: it is read again when their turn comes, so that streams which
   * cannot go on do not keep the others from being read.
   */
  spill(): void {
    for (const stream of this.#retrying) this.letGo(stream, 1);
  }

  /** Keeps so many of the events that wait, and lets the rest be read again. */
  letGo(stream: GroupStream, kept: number): void {
    const last = stream.queue.at(-1);
    if (last === undefined || stream.queue.length <= kept) return;
    const gone = stream.queue.splice(kept);
    this.#unwait(gone);
    const [first] = gone;
    if (first !== undefined) stream.readTo = first.position - 1n;
    if (stream.heldTo < last.position) stream.heldTo = last.position;
    if (!stream.replayed) stream.behind = true;
    this.toRead.add(stream);
    if (stream.queue.length === 0 && stream.underWay.length === 0) this.#emptied(stream);
  }

  /** What is to be delivered now, and is under way from then on. */
  take(now: number): readonly Delivery[] {
    const deliveries: Delivery[] = [];
    let bytes = 0;
    for (const stream of candidates(this.#ready, this.#oneOrder)) {
      const room = this.maxInFlight - this.inFlight;
      if (room <= 0 || this.#inFlightBytes >= IN_FLIGHT_BYTES) break;
      const [first] = stream.queue;
      if (first === undefined) continue;
      if (bytes > 0 && bytes + bytesAtMost(stream.queue) > MESSAGE_BYTES) break;
      const attempt = stream.attemptsOfNext + 1;
      const below = deliverableBelow(stream, now, this.#oneOrder);
      if (below === undefined) continue;
      const most = attempt > 1 ? 1 : Math.min(room, DELIVERY_EVENTS);
      const events = stream.queue.splice(0, together(stream.queue, below, most));
      for (const event of events) {
        const size = eventBytes(event);
        bytes += size;
        this.#inFlightBytes += size;
        this.#byPosition.set(event.position, stream);
      }
      stream.slot.inFlight += events.length;
      this.#unwait(events);
      // A list of its own: this one shrinks with each answer, while the consumer goes through the other.
      stream.underWay = [...events];
      stream.after('DELIVERED');
      this.#ready.delete(stream);
      this.#expect(stream, now);
      deliveries.push({ events, attempt, replayed: stream.replayed });
    }
    return deliveries;
  }

  /** Whether something would be delivered if the consumer took it. */
  isOffering(now: number): boolean {
    if (this.maxInFlight - this.inFlight <= 0 || this.#inFlightBytes >= IN_FLIGHT_BYTES) return false;
    for (const stream of candidates(this.#ready, this.#oneOrder))
      if (deliverableBelow(stream, now, this.#oneOrder) !== undefined) return true;
    return false;
  }

  /** Whether something of a slot that is to be released still has to be delivered. */
  isOfferingOf(slot: MemberSlot, now: number): boolean {
    for (const stream of this.#ready)
      if (stream.slot === slot && deliverableBelow(stream, now, this.#oneOrder) !== undefined) return true;
    return false;
  }

  /** Gives the slot of the stream, or `undefined` for an event that is not under way. */
  ack(position: bigint, now: number): MemberSlot | undefined {
    const stream = this.#byPosition.get(position);
    if (stream === undefined) return undefined;
    this.#done(stream, position);
    if (stream.underWay.length > 0) this.#expect(stream, now);
    else this.#settle(stream);
    return stream.slot;
  }

  /** As `ack`. */
  nack({ action = { kind: 'RETRY' }, position, reason }: Nack, now: number): MemberSlot | undefined {
    const stream = this.#byPosition.get(position);
    if (stream === undefined) return undefined;
    if (action.kind === 'SKIP') {
      this.#done(stream, position);
      this.#takeBack(stream);
      this.#settle(stream);
      return stream.slot;
    }
    this.#done(stream, position - 1n);
    this.#takeBack(stream);
    const attempts = stream.attemptsOfNext + 1;
    if (action.kind === 'PARK' || attempts >= this.settings.maxAttempts)
      this.#park(stream, attempts, briefReason(reason));
    else {
      this.#count(stream, attempts);
      stream.after('FAILED');
      stream.dueAt = now + (action.afterMs ?? this.#backoff(attempts));
      this.#retrying.add(stream);
    }
    return stream.slot;
  }

  /** Streams whose next attempt is due become ready. */
  retry(now: number): void {
    for (const stream of this.#retrying) {
      if (stream.dueAt > now) continue;
      this.#retrying.delete(stream);
      stream.after('DUE');
      this.#ready.add(stream);
    }
  }

  /** Whether a delivery should have been answered by now. */
  isLate(now: number): boolean {
    const [first] = this.#underWay;
    return first !== undefined && first.dueAt <= now;
  }

  /** When something is to be done next, by the monotonic clock. */
  get nextDue(): number {
    const [first] = this.#underWay;
    let next = first?.dueAt ?? Infinity;
    for (const stream of this.#retrying) next = Math.min(next, stream.dueAt);
    return next;
  }

  /** The consumer is lost: counts what was under way as tried; with a time only what should have been answered by then. */
  countLost(lateAt = Infinity): void {
    for (const stream of this.#underWay) {
      if (stream.dueAt > lateAt) continue;
      this.#takeBack(stream);
      const attempts = stream.attemptsOfNext + 1;
      if (attempts >= this.settings.maxAttempts) this.#park(stream, attempts, LOST);
      else {
        this.#count(stream, attempts);
        this.#settle(stream);
      }
    }
  }

  /** Forgets the slot's events; gives the positions of those that were under way. */
  drop(slot: MemberSlot): readonly bigint[] {
    const positions: bigint[] = [];
    for (const stream of slot.streams.values()) {
      for (const { position } of stream.underWay) positions.push(position);
      this.#takeBack(stream);
      this.#unwait(stream.queue);
      stream.queue = [];
      this.#ready.delete(stream);
      this.#retrying.delete(stream);
      this.toRead.delete(stream);
    }
    return positions;
  }

  /** The slot is to be released: only what lies below events that are done already is still delivered. */
  hold(slot: MemberSlot): void {
    for (const stream of slot.streams.values()) {
      const kept = stream.queue.findIndex(({ position }) => position >= slot.doneUpTo);
      if (kept >= 0) this.letGo(stream, stream.retrying ? Math.max(kept, 1) : kept);
    }
  }

  /** It will be marked as parked, and what came behind the event is held back. */
  #park(stream: GroupStream, attempts: number, reason: string): void {
    const [event] = stream.queue;
    if (event === undefined) return;
    const { eventId, eventType, position, version } = event;
    stream.slot.tell(stream, { kind: 'PARKED', position, version, eventType, eventId, attempts, reason });
    const last = stream.queue.at(-1) ?? event;
    if (stream.heldTo < last.position) stream.heldTo = last.position;
    stream.readTo = position - 1n;
    stream.behind = false;
    stream.attempts = 0;
    stream.failingAt = 0n;
    this.#unwait(stream.queue);
    stream.queue = [];
    stream.after('PARKED');
    this.#ready.delete(stream);
    stream.slot.open.delete(stream);
  }

  #count(stream: GroupStream, attempts: number): void {
    const [event] = stream.queue;
    if (event === undefined) return;
    stream.attempts = attempts;
    stream.failingAt = event.position;
    stream.slot.tell(stream, { kind: 'FAILING', position: event.position, attempts });
  }

  /** Those under way up to there are done. */
  #done(stream: GroupStream, upTo: bigint): void {
    let last: Event | undefined;
    while (stream.underWay[0] !== undefined && stream.underWay[0].position <= upTo) {
      last = stream.underWay.shift();
      if (last !== undefined) this.#notInFlight(stream, last);
    }
    if (last === undefined) return;
    const { slot } = stream;
    if (stream.replayed) slot.tell(stream, { kind: 'REPLAYED', position: last.position + 1n });
    else if (slot.doneUpTo < last.position) slot.doneUpTo = last.position;
    if (stream.failingAt === 0n || stream.failingAt > last.position) return;
    stream.failingAt = 0n;
    stream.attempts = 0;
    if (!stream.replayed) slot.tell(stream, { kind: 'CLEAR' });
  }

  /** What is under way waits again. */
  #takeBack(stream: GroupStream): void {
    for (const event of stream.underWay) this.#notInFlight(stream, event);
    this.#wait(stream.underWay);
    stream.queue = [...stream.underWay, ...stream.queue];
    stream.underWay = [];
    this.#underWay.delete(stream);
  }

  #notInFlight({ slot }: GroupStream, event: Event): void {
    slot.inFlight -= 1;
    this.#byPosition.delete(event.position);
    this.#inFlightBytes -= eventBytes(event);
  }

  /** Nothing is under way any more. */
  #settle(stream: GroupStream): void {
    this.#underWay.delete(stream);
    if (stream.queue.length === 0) return this.#emptied(stream);
    stream.after('ANSWERED');
    this.#ready.add(stream);
  }

  #emptied(stream: GroupStream): void {
    stream.after('EMPTIED');
    this.#ready.delete(stream);
    if (stream.behind) return;
    stream.slot.open.delete(stream);
    stream.slot.forget(stream);
  }

  #expect(stream: GroupStream, now: number): void {
    stream.dueAt = now + this.settings.ackTimeoutMs;
    this.#underWay.delete(stream);
    this.#underWay.add(stream);
  }

  #backoff(attempts: number): number {
    const { maxRetryDelayMs, retryDelayMs } = this.settings;
    return Math.min(maxRetryDelayMs, retryDelayMs * 2 ** Math.min(attempts - 1, 40));
  }

  #wait(events: readonly Event[]): void {
    for (const event of events) this.#waitingBytes += eventBytes(event);
    this.#waiting += events.length;
  }

  #unwait(events: readonly Event[]): void {
    for (const event of events) this.#waitingBytes -= eventBytes(event);
    this.#waiting -= events.length;
  }
}
