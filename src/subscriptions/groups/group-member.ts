import type { GroupMembership, GroupMessage, Nack } from '../../core/consumer-groups.js';
import { GroupNotFoundError, LeaseLostError } from '../../core/follower-errors.js';
import { OverloadedError, StoreUnavailableError } from '../../core/errors.js';
import { validateAck, validateCredit, validateNack } from '../../core/validate-group.js';
import type { EventSelection } from '../../core/selection.js';
import { Alarm } from '../alarm.js';
import { Bell } from './bell.js';
import { Deliveries } from './deliveries.js';
import { BEAT_NEWS } from './group-limits.js';
import type { HeldSlot, MemberBeat, MemberOrders, StoredGroup, StreamMark } from './group-storage.js';
import { HeldReader } from './held-reader.js';
import { type Answer, MemberAnswers } from './member-answers.js';
import { MemberFeed } from './member-feed.js';
import type { GroupParts } from './member-parts.js';
import { MemberSlot } from './member-slot.js';
import { type Report, report } from './report.js';

/** What a member tells the host. */
export interface MemberHost {
  /** There is something to be kept, or asked for. */
  beatSoon(): void;
  /** The membership has ended. With a last beat, which frees its slots. */
  ended(member: GroupMember, last: MemberBeat | undefined): void;
}

/** Throws for a selection that the consumer may not read. */
export type Permit = (selection: EventSelection) => void;

/** How a membership ends. */
interface End {
  readonly error?: Error;
  /** Counts deliveries that were under way as tried: all, or those that should have been answered by now. */
  readonly count?: 'ALL' | 'LATE';
  /** Others have its slots, or nobody may: there is nothing to free. */
  readonly silent?: true;
}

/**
 * One consumer of a group, at one instance: `GroupMembership` for the caller, and orders and reports for the beats. Holds
 * slots by a lease; what may be another's by now is neither delivered nor confirmed.
 */
export class GroupMember implements GroupMembership {
  readonly memberId: string;
  #group: StoredGroup;
  readonly #parts: GroupParts;
  readonly #host: MemberHost;
  readonly #permit: Permit;
  readonly #slots = new Map<number, MemberSlot>();
  readonly #releasing = new Set<MemberSlot>();
  readonly #deliveries: Deliveries;
  readonly #feed: MemberFeed;
  readonly #held: HeldReader;
  readonly #answers = new MemberAnswers();
  readonly #alarm: Alarm;
  readonly #bell = new Bell();
  /** Positions that were taken away, of which the consumer was not told yet. */
  #revoked: bigint[] = [];
  #tellsDraining = false;
  #leaves = false;
  /** By the monotonic clock, which was read before the lease was asked for. */
  #leaseEnds: number;
  /** The consumer waits for what comes. */
  #asks = false;
  /** When it last did, or was given something. */
  #tookAt: number;
  #end: End | undefined;
  readonly #ended: Promise<void>;
  #onEnd: () => void = () => undefined;

  constructor(
    parts: GroupParts,
    host: MemberHost,
    of: {
      readonly memberId: string;
      readonly group: StoredGroup;
      readonly maxInFlight: number;
      readonly leaseEnds: number;
      readonly permit: Permit;
    },
  ) {
    const { group, leaseEnds, maxInFlight, memberId, permit } = of;
    this.#permit = permit;
    this.memberId = memberId;
    this.#parts = parts;
    this.#host = host;
    this.#group = group;
    this.#leaseEnds = leaseEnds;
    this.#tookAt = parts.runtime.monotonic();
    this.#deliveries = new Deliveries(group.settings, { slots: group.slots, maxInFlight });
    const listener = { advanced: () => this.#advanced(), failed: (error: Error) => this.end({ error }) };
    this.#feed = new MemberFeed(parts, this.#deliveries, { slots: this.#slots, of: group.slots, listener });
    this.#held = new HeldReader(parts, this.#deliveries, { selection: group.selection, listener });
    this.#alarm = new Alarm(parts.runtime, () => this.#tick());
    this.#ended = new Promise((resolve) => {
      this.#onEnd = resolve;
    });
    this.#alarm.set(leaseEnds);
  }

  get group(): string {
    return this.#group.name;
  }

  get ackTimeoutMs(): number {
    return this.#group.settings.ackTimeoutMs;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Events that are held for it in memory. */
  get heldEvents(): number {
    return this.#deliveries.waiting + this.#deliveries.inFlight;
  }

  get messages(): AsyncIterable<GroupMessage> {
    return this.#messages();
  }

  async ack(positions: readonly bigint[]): Promise<readonly bigint[]> {
    this.#checkAlive();
    validateAck(positions);
    const now = this.#parts.runtime.monotonic();
    const lost: bigint[] = [];
    const bySlot = new Map<MemberSlot, bigint[]>();
    // In order, so that one which covers another does not make that look lost.
    for (const position of [...new Set(positions)].sort((a, b) => (a < b ? -1 : 1))) {
      const slot = this.#deliveries.ack(position, now);
      const known = slot && bySlot.get(slot);
      if (slot === undefined) lost.push(position);
      else if (known) known.push(position);
      else bySlot.set(slot, [position]);
    }
    return this.#answered(bySlot, lost);
  }

  async nack(nack: Nack): Promise<readonly bigint[]> {
    this.#checkAlive();
    validateNack(nack);
    const slot = this.#deliveries.nack(nack, this.#parts.runtime.monotonic());
    return slot === undefined ? [nack.position] : this.#answered(new Map([[slot, [nack.position]]]), []);
  }

  setMaxInFlight(events: number): void {
    validateCredit(events);
    this.#deliveries.maxInFlight = events;
    this.#advanced();
  }

  async leave(): Promise<void> {
    this.#leaves = true;
    this.#feed.stop();
    this.#leaveIfAnswered();
    await this.#ended;
  }

  /** Tells the consumer that the service shuts down, and lets it answer what is under way. */
  async drain(): Promise<void> {
    this.#tellsDraining = true;
    this.#bell.ring();
    await this.leave();
  }

  /** Ends the membership at once; what is under way is others'. */
  end(end: End = {}): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#feed.stop();
    this.#held.stop();
    this.#alarm.clear();
    if (end.count !== undefined)
      this.#deliveries.countLost(end.count === 'LATE' ? this.#parts.runtime.monotonic() : Infinity);
    const last = end.silent
      ? undefined
      : { ...this.report({ all: true, most: BEAT_NEWS }).beat, leaving: true };
    for (const slot of this.#slots.values()) {
      this.#deliveries.drop(slot);
      slot.after('TAKEN');
    }
    this.#answers.reject(end.error ?? new StoreUnavailableError('The membership has ended; join again'));
    this.#onEnd();
    this.#bell.ring();
    this.#host.ended(this, last);
  }

  /** Throws, and ends the membership, if the consumer may not read what the group is about. */
  checkPermitted(selection = this.#group.selection): void {
    try {
      this.#permit(selection);
    } catch (error) {
      this.end({ error: error as Error });
      throw error;
    }
  }

  /** What the next beat says. */
  report(options: { readonly all: boolean; readonly most: number }): Report {
    if (options.all) for (const slot of this.#slots.values()) slot.forgetAll();
    const { memberId } = this;
    const { name, revision } = this.#group;
    return report({ group: name, memberId, revision }, this.#slots.values(), options);
  }

  /** Answers that a beat confirms which carries this report. */
  answersBefore(sent: Report): readonly Answer[] {
    return this.#answers.before(sent.leftOut);
  }

  /** A beat was answered. `leaseEnds` by the monotonic clock, which was read before the beat was sent. */
  obey(
    orders: MemberOrders,
    sent: { readonly report: Report; readonly answers: readonly Answer[]; readonly leaseEnds: number },
  ): void {
    if (this.#end !== undefined) return;
    if (orders.ended === 'GROUP_NOT_FOUND')
      return this.end({ error: new GroupNotFoundError(this.group), silent: true });
    if (orders.ended === 'LEASE_LOST') return this.#loseLease();
    if (this.#parts.runtime.monotonic() >= this.#leaseEnds) return this.#loseLease();
    const leaseEnded = this.#leaseEnds;
    this.#leaseEnds = sent.leaseEnds;
    this.#takeAway(orders.slots);
    sent.report.kept(this.#slots);
    this.#answers.confirm(sent.answers);
    for (const held of orders.slots) this.#hold(held, orders.marks, leaseEnded);
    for (const mark of orders.marks) {
      const slot = mark.kind === 'REPLAYING' ? this.#slots.get(mark.slot) : undefined;
      if (slot?.state === 'HELD') this.#held.replay(slot, mark);
    }
    const { groupChanged } = orders;
    if (groupChanged) {
      try {
        this.checkPermitted(groupChanged.selection);
      } catch {
        return;
      }
      this.#group = groupChanged;
      this.#deliveries.settings = groupChanged.settings;
      this.#held.select(groupChanged.selection);
    }
    if (!this.#leaves) this.#feed.follow(this.#group.selection, groupChanged !== undefined);
    this.#advanced();
  }

  async *#messages(): AsyncGenerator<GroupMessage, void, undefined> {
    for (;;) {
      const message = this.#next();
      if (message !== undefined) {
        this.#tookAt = this.#parts.runtime.monotonic();
        yield message;
        continue;
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return;
      this.#asks = true;
      await this.#bell.heard();
      this.#asks = false;
      this.#tookAt = this.#parts.runtime.monotonic();
    }
  }

  /** Deliveries are made when they are taken, so that none waits for a reader while its slot is taken away. */
  #next(): GroupMessage | undefined {
    const now = this.#parts.runtime.monotonic();
    if (this.#end === undefined && now >= this.#leaseEnds) this.#loseLease();
    if (this.#revoked.length > 0) return { kind: 'REVOKED', positions: this.#revoked.splice(0) };
    if (this.#tellsDraining) {
      this.#tellsDraining = false;
      return { kind: 'DRAINING' };
    }
    if (this.#end !== undefined || this.#leaves) return undefined;
    const deliveries = this.#deliveries.take(now);
    if (deliveries.length === 0) return undefined;
    this.#alarm.set(this.#deliveries.nextDue);
    this.#feed.goOn();
    return { kind: 'DELIVER', deliveries };
  }

  #takeAway(held: readonly HeldSlot[]): void {
    const fences = new Map(held.map(({ fence, slot }) => [slot, fence]));
    for (const [number, slot] of this.#slots) {
      if (fences.get(number) === slot.fence) continue;
      const positions = this.#deliveries.drop(slot);
      slot.after('TAKEN');
      this.#slots.delete(number);
      this.#releasing.delete(slot);
      this.#revoked.push(...positions);
    }
  }

  #hold(held: HeldSlot, marks: readonly StreamMark[], deliversUntil: number): void {
    const known = this.#slots.get(held.slot);
    const slot = known ?? new MemberSlot(held);
    if (known === undefined) {
      for (const mark of marks) if (mark.slot === held.slot) slot.marked(mark);
      this.#slots.set(held.slot, slot);
    }
    const before = slot.state;
    slot.after(held.wanted ? 'WANTED' : 'KEPT');
    if (before === 'HELD' && slot.state === 'RELEASING') {
      // The beat before this one did not say so, and the storage waits for at least a lease before it takes the slot away.
      slot.deliversUntil = deliversUntil;
      this.#deliveries.hold(slot);
    }
    if (slot.state === 'RELEASING') this.#releasing.add(slot);
    else this.#releasing.delete(slot);
  }

  #answered(
    bySlot: ReadonlyMap<MemberSlot, readonly bigint[]>,
    lost: readonly bigint[],
  ): Promise<readonly bigint[]> {
    if (bySlot.size === 0) return Promise.resolve(lost);
    const confirmed = this.#answers.wait(bySlot, lost);
    this.#host.beatSoon();
    this.#advanced();
    return confirmed;
  }

  /** Something was read or answered, or its time has come. */
  #advanced(): void {
    if (this.#end !== undefined) return;
    const now = this.#parts.runtime.monotonic();
    for (const slot of this.#releasing) {
      if (slot.unconfirmed > 0 || slot.inFlight > 0) continue;
      if (!this.#leaves && this.#deliveries.isOfferingOf(slot, now)) continue;
      slot.after('ANSWERED');
      this.#releasing.delete(slot);
      this.#host.beatSoon();
    }
    this.#held.readOn();
    this.#feed.goOn();
    this.#alarm.set(this.#deliveries.nextDue);
    if (!this.#asks) this.#alarm.set(this.#tookAt + this.ackTimeoutMs);
    this.#leaveIfAnswered();
    this.#bell.ring();
  }

  #tick(): void {
    const now = this.#parts.runtime.monotonic();
    if (now >= this.#leaseEnds) return this.#loseLease();
    if (this.#deliveries.isLate(now)) return this.#endLate('A delivery was not answered');
    if (this.#isIdle(now) && now >= this.#tookAt + this.ackTimeoutMs)
      return this.#endLate('Nothing was taken');
    this.#deliveries.retry(now);
    this.#alarm.set(this.#leaseEnds);
    this.#advanced();
  }

  /** Something waits for a consumer who does not ask for it. */
  #isIdle(now: number): boolean {
    return !this.#asks && !this.#leaves && this.#deliveries.isOffering(now);
  }

  #endLate(what: string): void {
    const error = new OverloadedError(`${what} within ${this.ackTimeoutMs} ms; join again`, {
      limit: 'ack_timeout',
    });
    this.end({ error, count: 'LATE' });
  }

  #loseLease(): void {
    this.end({ error: new LeaseLostError(this.memberId), silent: true });
  }

  #leaveIfAnswered(): void {
    if (!this.#leaves || this.#end !== undefined) return;
    if (this.#deliveries.isUnderWay || !this.#answers.areConfirmed) return;
    this.end();
  }

  #checkAlive(): void {
    if (this.#end === undefined && this.#parts.runtime.monotonic() >= this.#leaseEnds) this.#loseLease();
    if (this.#end !== undefined)
      throw this.#end.error ?? new StoreUnavailableError('The membership has ended; join again');
  }
}
