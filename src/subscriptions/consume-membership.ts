import { causedBy } from '../core/caused-by.js';
import type { Delivery, GroupMembership, GroupMessage, NackAction } from '../core/consumer-groups.js';
import type { Event } from '../core/event.js';
import { LeaseLostError } from '../core/follower-errors.js';
import type { Logger } from '../core/logger.js';
import type { MessageFailure } from '../core/message-bus.js';
import { onAbort } from '../core/on-abort.js';
import type { Runtime } from '../core/runtime.js';
import { streamKey } from '../core/stream.js';
import { Acks } from './consume-acks.js';
import { inTime } from './consume-in-time.js';
import { reasonOf } from './consume-reason.js';
import type { HandleDelivery } from './consume.js';

/** What a consumer does with events, whichever membership they come by. */
export interface MembershipRules {
  readonly group: string;
  readonly handle: HandleDelivery;
  readonly matches: (event: Event) => boolean;
  readonly onFailure: ((failure: MessageFailure) => NackAction | Promise<NackAction>) | undefined;
  readonly concurrency: number;
  readonly timeoutMs: number | undefined;
  readonly runtime: Runtime;
  readonly logger: Logger;
}

/** What was counted, over all memberships. */
export interface MembershipCounts {
  handled: number;
  failed: number;
  lost: number;
}

interface Task {
  readonly delivery: Delivery;
  readonly controller: { current: AbortController };
  /** Others have it. */
  gone: boolean;
}

/** Of what the service gives a member for a delivery, this much is the handler's; the rest is for the answer. */
const HANDLERS_SHARE = 0.9;

/** One membership: deliveries side by side, the events of each in order, every one answered. */
export class MembershipWork {
  readonly #membership: GroupMembership;
  readonly #rules: MembershipRules;
  readonly #counts: MembershipCounts;
  readonly #acks: Acks;
  readonly #timeoutMs: number;
  readonly #queue = new Set<Task>();
  readonly #running = new Map<Task, Promise<void>>();
  /** Of what is queued or running and not answered; no more than the member's events in flight. */
  readonly #unanswered = new Map<bigint, Task>();
  /** The last task of a stream: one that was revoked and came back waits for the handler that may still be at it. */
  readonly #ofStream = new Map<string, Promise<void>>();

  constructor(membership: GroupMembership, rules: MembershipRules, counts: MembershipCounts) {
    this.#membership = membership;
    this.#rules = rules;
    this.#counts = counts;
    this.#timeoutMs = rules.timeoutMs ?? membership.ackTimeoutMs * HANDLERS_SHARE;
    this.#acks = new Acks(membership, (lost) => this.#lost(lost));
  }

  /** Events that were delivered and not answered. */
  get unanswered(): number {
    return this.#unanswered.size;
  }

  /**
   * Works until the membership ends. What is under way then is told by its signal, and waited for unless `signal` is
   * aborted.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      for await (const message of this.#membership.messages) this.#take(message);
    } finally {
      this.#revoke([...this.#unanswered.keys()]);
      await settledOr(signal, Promise.all(this.#running.values()));
    }
  }

  /** Takes no more; the membership ends when all that was delivered is answered. */
  leave(): void {
    this.#membership.leave().catch(() => undefined);
  }

  #take(message: GroupMessage): void {
    switch (message.kind) {
      case 'DELIVER':
        for (const delivery of message.deliveries) {
          const task: Task = { delivery, controller: { current: new AbortController() }, gone: false };
          for (const { position } of delivery.events) this.#unanswered.set(position, task);
          this.#queue.add(task);
        }
        this.#startNext();
        return;
      case 'REVOKED':
        this.#revoke(message.positions);
        return;
      case 'DRAINING':
        // What is under way is answered, then the messages end.
        this.leave();
    }
  }

  #startNext(): void {
    for (const task of this.#queue) {
      if (this.#running.size >= this.#rules.concurrency) return;
      this.#queue.delete(task);
      this.#running.set(task, this.#start(task));
    }
  }

  async #start(task: Task): Promise<void> {
    const [first] = task.delivery.events;
    const key = first === undefined ? '' : streamKey(first.stream);
    const before = this.#ofStream.get(key);
    const work = (async () => {
      await before;
      await this.#work(task);
    })();
    this.#ofStream.set(key, work);
    try {
      await work;
    } finally {
      if (this.#ofStream.get(key) === work) this.#ofStream.delete(key);
      for (const { position } of task.delivery.events)
        if (this.#unanswered.get(position) === task) this.#unanswered.delete(position);
      this.#running.delete(task);
      this.#startNext();
    }
  }

  async #work(task: Task): Promise<void> {
    const { events, replayed } = task.delivery;
    let { attempt } = task.delivery;
    for (const event of events) {
      if (task.gone) return;
      task.controller.current = new AbortController();
      let isWanted: boolean;
      try {
        isWanted = this.#rules.matches(event);
        if (isWanted) await this.#handle(event, { attempt, replayed }, task.controller.current);
      } catch (error) {
        if (!task.gone) await this.#fail(task, { event, error, attempts: attempt });
        return;
      }
      if (task.gone) return;
      if (isWanted) this.#counts.handled += 1;
      this.#unanswered.delete(event.position);
      this.#acks.add(event.position);
      attempt = 1;
    }
  }

  async #handle(
    event: Event,
    told: { readonly attempt: number; readonly replayed: boolean },
    controller: AbortController,
  ): Promise<void> {
    const { group, handle, runtime } = this.#rules;
    const { memberId } = this.#membership;
    await inTime(
      async (signal) => handle(event, { ...told, signal, metadata: causedBy(event), group, memberId }),
      { controller, timeoutMs: this.#timeoutMs, runtime },
    );
  }

  async #fail(task: Task, failure: MessageFailure): Promise<void> {
    const { group, logger } = this.#rules;
    const { position } = failure.event;
    const reason = reasonOf(failure.error);
    this.#counts.failed += 1;
    logger.warn('An event could not be handled', { group, position, attempt: failure.attempts, reason });
    // Another has the event, and there is nothing to decide: the answer will say so.
    const action = failure.error instanceof LeaseLostError ? undefined : await this.#decide(failure);
    // It says that they are done, as an ack that came behind it would; that one would be too late.
    this.#acks.forget(new Set(task.delivery.events.map((event) => event.position)));
    try {
      this.#lost(await this.#membership.nack({ position, reason, ...(action && { action }) }));
    } catch {
      // The membership has ended, and whoever reads its messages learns why. The event comes again.
    }
  }

  async #decide(failure: MessageFailure): Promise<NackAction | undefined> {
    const { group, logger, onFailure } = this.#rules;
    try {
      return await onFailure?.(failure);
    } catch (error) {
      logger.error('What decides about a failure has failed itself, so the event is tried again', {
        group,
        position: failure.event.position,
        reason: reasonOf(error),
      });
      return undefined;
    }
  }

  #revoke(positions: readonly bigint[]): void {
    const tasks = new Set(positions.map((position) => this.#unanswered.get(position)));
    for (const task of tasks) {
      if (task === undefined) continue;
      task.gone = true;
      this.#queue.delete(task);
      task.controller.current.abort(new LeaseLostError(this.#membership.memberId));
    }
    for (const position of positions) if (this.#unanswered.delete(position)) this.#counts.lost += 1;
  }

  /** An answer came too late. */
  #lost(positions: readonly bigint[]): void {
    this.#counts.lost += positions.length;
  }
}

async function settledOr(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  let letGo: () => void = () => undefined;
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else letGo = onAbort(signal, resolve);
  });
  await Promise.race([work, aborted]);
  letGo();
}
