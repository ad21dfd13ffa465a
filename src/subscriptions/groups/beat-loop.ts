import { StoreUnavailableError } from '../../core/errors.js';
import type { Runtime } from '../../core/runtime.js';
import { Alarm } from '../alarm.js';
import { BEAT_GAP_MS, BEAT_MEMBERS, BEAT_NEWS } from './group-limits.js';
import type { GroupMember } from './group-member.js';
import type { GroupStorage, MemberBeat } from './group-storage.js';
import { retryDelay } from './retry-delay.js';

/**
 * Beats for all members of an instance together: at a third of the lease, and sooner when there is something to be kept.
 * One beat is under way at a time. One that fails is sent again; members see to it themselves that they end in time.
 */
export class BeatLoop {
  readonly #storage: GroupStorage;
  readonly #runtime: Runtime;
  readonly #members: ReadonlyMap<string, GroupMember>;
  readonly #alarm: Alarm;
  /** Last beats of memberships that have ended, and until when they are of use. */
  readonly #last = new Map<string, { readonly beat: MemberBeat; readonly until: number }>();
  #beating: Promise<void> | undefined;
  #isWanted = false;
  #sentAt = -Infinity;
  #allAt = -Infinity;
  #failures = 0;

  constructor(storage: GroupStorage, runtime: Runtime, members: ReadonlyMap<string, GroupMember>) {
    this.#storage = storage;
    this.#runtime = runtime;
    this.#members = members;
    this.#alarm = new Alarm(runtime, () => this.#beat());
  }

  /** There is something to be kept, or asked for. What comes within a short while goes together. */
  soon(): void {
    if (this.#members.size === 0 && this.#last.size === 0) return;
    if (this.#beating === undefined && this.#failures === 0)
      this.#alarm.set(Math.max(this.#runtime.monotonic(), this.#sentAt + BEAT_GAP_MS));
    else this.#isWanted = true;
  }

  /** Says of a member that it is gone, so that others have its slots at once and not when its lease runs out. */
  sayLast(beat: MemberBeat): void {
    this.#last.set(beat.memberId, { beat, until: this.#runtime.monotonic() + this.#storage.leaseMs });
    this.soon();
  }

  /** Tries once to send what is left, and ends. */
  async stop(): Promise<void> {
    await this.#beating;
    this.#alarm.clear();
    if (this.#last.size > 0) await this.#sendAll().catch(() => undefined);
    this.#alarm.clear();
  }

  #beat(): void {
    if (this.#beating !== undefined) return;
    this.#isWanted = false;
    this.#beating = this.#sendAll()
      .then(
        () => {
          this.#failures = 0;
        },
        // Whatever it was: there is nobody to be told but the members, whose leases run out.
        () => {
          this.#failures += 1;
        },
      )
      .finally(() => {
        this.#beating = undefined;
        this.#scheduleNext();
      });
  }

  #scheduleNext(): void {
    const now = this.#runtime.monotonic();
    const { leaseMs } = this.#storage;
    for (const [memberId, { until }] of this.#last) if (until <= now) this.#last.delete(memberId);
    if (this.#members.size === 0 && this.#last.size === 0) return;
    if (this.#failures > 0) this.#alarm.set(now + Math.min(leaseMs / 10, retryDelay(this.#failures)));
    else this.#alarm.set(this.#sentAt + (this.#isWanted ? BEAT_GAP_MS : leaseMs / 3));
  }

  async #sendAll(): Promise<void> {
    const { leaseMs } = this.#storage;
    this.#sentAt = this.#runtime.monotonic();
    // A little early, so that what beats at a third of the lease tells all each time.
    const all = this.#sentAt - this.#allAt >= leaseMs / 4;
    if (all) this.#allAt = this.#sentAt;
    const members = [...this.#members.values()];
    const last = [...this.#last.values()];
    while (last.length > 0 || members.length > 0) {
      const gone: MemberBeat[] = [];
      let room = BEAT_NEWS;
      for (let next = last[0]; next && gone.length < BEAT_MEMBERS; next = last[0]) {
        if (next.beat.news.length > room) break;
        room -= next.beat.news.length;
        gone.push(next.beat);
        last.shift();
      }
      const some = members.splice(0, BEAT_MEMBERS - gone.length).filter(({ hasEnded }) => !hasEnded);
      await this.#send(gone, some, { all, room });
    }
  }

  async #send(
    gone: readonly MemberBeat[],
    members: readonly GroupMember[],
    options: { readonly all: boolean; readonly room: number },
  ): Promise<void> {
    // Before all that it confirms: the lease lasts at least so long from now on.
    const leaseEnds = this.#runtime.monotonic() + this.#storage.leaseMs;
    let most = options.room;
    const sent = members.map((member) => {
      const report = member.report({ all: options.all, most });
      most -= report.beat.news.length;
      if (report.leftOut.size > 0) this.#isWanted = true;
      return { member, report, answers: member.answersBefore(report), leaseEnds };
    });
    const beats = [...gone, ...sent.map(({ report }) => report.beat)];
    if (beats.length === 0) return;
    const orders = await this.#inTime((signal) => this.#storage.beat(beats, { signal }));
    for (const { memberId } of gone) this.#last.delete(memberId);
    sent.forEach(({ member, ...rest }, index) => {
      const order = orders[gone.length + index];
      if (order !== undefined) member.obey(order, rest);
    });
  }

  /** Gives up after a third of the lease, though the storage may not. */
  async #inTime<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const call = new AbortController();
    const timer = new AbortController();
    const late = this.#runtime.sleep(this.#storage.leaseMs / 3, timer.signal).then(() => {
      const error = new StoreUnavailableError('Consumer groups had no answer from the database in time');
      call.abort(error);
      throw error;
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([ask(call.signal), late]);
    } finally {
      timer.abort(new Error('The wait is over'));
    }
  }
}
