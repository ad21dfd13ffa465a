import type { ConsumerGroups, CreateGroupRequest, GroupMembership } from '../core/consumer-groups.js';
import { DeadlineExceededError, OverloadedError, StoreUnavailableError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import { LeaseLostError } from '../core/follower-errors.js';
import { type Logger, silentLogger } from '../core/logger.js';
import type { MessageContext, RunningHandler, WorkerOptions } from '../core/message-bus.js';
import { onAbort } from '../core/on-abort.js';
import type { Runtime } from '../core/runtime.js';
import { Violations } from '../core/validate.js';
import { HOUR_MS, wholeNumber } from './consume-rules.js';
import { createIfMissing } from './consume-create.js';
import { type MembershipCounts, MembershipWork } from './consume-membership.js';
import { Pause } from './consume-pause.js';
import { reasonOf } from './consume-reason.js';

/** What a group's handler is told beside the event. */
export interface DeliveryContext extends MessageContext {
  readonly group: string;
  /** What `headwater.ack` takes; another after each break. */
  readonly memberId: string;
}

/** Handles one event; it is acked when this resolves, and tried again later when this rejects. */
export type HandleDelivery = (event: Event, context: DeliveryContext) => void | Promise<void>;

export interface ConsumeOptions extends Omit<WorkerOptions, 'handle'> {
  readonly runtime: Runtime;
  /** The name of the group. */
  readonly group: string;
  readonly handle: HandleDelivery;
  /**
   * Create the group with this if it is missing; `{}` for the defaults. One that is there must agree in what is named here,
   * or the consumer ends with `GroupExistsError`.
   * @default it must be there, or the consumer ends with `GroupNotFoundError`
   */
  readonly create?: Omit<CreateGroupRequest, 'name'>;
  /** For people; at most 255 bytes. @default host and process, as the runtime tells them */
  readonly memberName?: string;
  /**
   * Events delivered and not answered, up to 10,000. They wait here while all handlers are busy, and the time in which an
   * answer is due goes on.
   * @default 8 × concurrency
   */
  readonly maxInFlight?: number;
  /** Events for which this is false are acked without being handled. @default all are handled */
  readonly matches?: (event: Event) => boolean;
  /**
   * Milliseconds that `stop` waits until all that was delivered is handled; then the signals of handlers are aborted, and
   * what is not answered goes to others.
   * @default 30000
   */
  readonly stopTimeoutMs?: number;
  /** Aborting it is a `stop`. */
  readonly signal?: AbortSignal;
  /**
   * Told about breaks and failures.
   * @default the runtime's: with `systemRuntime`, warnings and errors on standard error
   */
  readonly logger?: Logger;
  /** Called with what keeps it from working, before it joins again. */
  readonly onTrouble?: (error: unknown) => void;
}

/** What consuming needs of the port. */
export type JoinedGroups = Pick<ConsumerGroups, 'create' | 'get' | 'join'>;

/** What a consumer has done since it began. */
export interface ConsumeStats {
  /** Times that a handler has resolved. */
  readonly handled: number;
  /** Times that a handler has rejected, or was late. */
  readonly failed: number;
  /** Events that went to another member before they were answered; they come again. */
  readonly lost: number;
  /** Events delivered and not answered. */
  readonly underWay: number;
  /** Times that the consumer has joined. */
  readonly joined: number;
}

export interface Consumer extends RunningHandler {
  readonly stats: ConsumeStats;
}

/**
 * Consumes as a member of a group until it is stopped: streams side by side, the events of one stream in order, each acked
 * when the handler resolves and handed back when it rejects. After a break it joins again, however long that takes, with
 * pauses of up to 10 s.
 *
 * An event is delivered at least once: again after a failure, a crash, or when the member was too slow. `inTransaction`
 * makes an effect in SQL happen once.
 *
 * @example
 * const consumer = consume(connection.consumerGroups, {
 *   runtime: systemRuntime,
 *   group: 'mailer',
 *   create: { selection: { filters: [{ eventTypes: ['OrderPlaced'] }] } },
 *   handle: async (event, { signal }) => send(event, signal),
 * });
 */
export function consume(groups: JoinedGroups, options: ConsumeOptions): Consumer {
  return new GroupConsumer(groups, options);
}

const DEFAULT_CONCURRENCY = 16;
const MOST_CONCURRENCY = 1000;
const DEFAULT_STOP_TIMEOUT_MS = 30_000;

const STOPPED = new Error('The consumer was stopped');

class GroupConsumer implements Consumer {
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly #groups: JoinedGroups;
  readonly #options: ConsumeOptions;
  readonly #concurrency: number;
  readonly #stopTimeoutMs: number;
  readonly #logger: Logger;
  readonly #counts: MembershipCounts = { handled: 0, failed: 0, lost: 0 };
  readonly #life = new AbortController();
  #joined = 0;
  #work: MembershipWork | undefined;
  #stopped: Promise<void> | undefined;
  #isReady: () => void = () => undefined;

  constructor(groups: JoinedGroups, options: ConsumeOptions) {
    const { concurrency = DEFAULT_CONCURRENCY, stopTimeoutMs = DEFAULT_STOP_TIMEOUT_MS } = options;
    if ((options.runtime as Runtime | undefined) === undefined)
      throw new TypeError('consume needs a runtime: { runtime: systemRuntime, … }');
    const violations = new Violations();
    wholeNumber(concurrency, { from: 1, to: MOST_CONCURRENCY }, 'concurrency', violations);
    wholeNumber(stopTimeoutMs, { from: 0, to: HOUR_MS }, 'stop_timeout_ms', violations);
    wholeNumber(options.timeoutMs ?? 1, { from: 1, to: HOUR_MS }, 'timeout_ms', violations);
    violations.throwIfAny();
    this.#stopTimeoutMs = stopTimeoutMs;
    this.#groups = groups;
    this.#options = options;
    this.#concurrency = concurrency;
    this.#logger = options.logger ?? options.runtime.logger ?? silentLogger;
    const becomesReady = new Promise<void>((resolve) => {
      this.#isReady = resolve;
    });
    this.ended = this.#run();
    const endsFirst = this.ended.then(() => {
      throw new StoreUnavailableError(`The consumer of ${options.group} was stopped before it had joined`);
    });
    this.ready = Promise.race([becomesReady, endsFirst]);
    // Whoever does not wait for them is told by the logger.
    for (const one of [this.ended, endsFirst, this.ready]) one.catch(() => undefined);
    if (options.signal !== undefined) this.#stopOn(options.signal);
  }

  get stats(): ConsumeStats {
    return { ...this.#counts, underWay: this.#work?.unanswered ?? 0, joined: this.#joined };
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const patience = new AbortController();
    const late = this.#options.runtime.sleep(this.#stopTimeoutMs, patience.signal).catch(() => undefined);
    const ended = this.ended.catch(() => undefined);
    if (this.#work === undefined) this.#life.abort(STOPPED);
    this.#work?.leave();
    await Promise.race([ended, late]);
    patience.abort();
    this.#life.abort(STOPPED);
    await ended;
  }

  #stopOn(signal: AbortSignal): void {
    if (signal.aborted) {
      void this.stop();
      return;
    }
    const letGo = onAbort(signal, () => void this.stop());
    this.ended.then(letGo, letGo);
  }

  async #run(): Promise<void> {
    const { runtime, group } = this.#options;
    const pause = new Pause(runtime);
    let created = this.#options.create === undefined;
    while (this.#stopped === undefined) {
      let broken: unknown;
      try {
        if (!created) await this.#create();
        created = true;
        const membership = await this.#join();
        pause.worked();
        await this.#workFor(membership);
      } catch (error) {
        broken = error;
      }
      if (this.#stopped !== undefined) return;
      if (broken !== undefined && !canJoinAgain(broken)) {
        this.#logger.error('A consumer has ended', { group, reason: reasonOf(broken) });
        throw broken;
      }
      if (broken === undefined)
        this.#logger.info('A consumer joins its group again', { group, reason: 'the service shuts down' });
      else {
        this.#logger.warn('A consumer joins its group again', { group, reason: reasonOf(broken) });
        this.#options.onTrouble?.(broken);
      }
      await pause.take(broken, this.#life.signal).catch(() => undefined);
    }
  }

  async #create(): Promise<void> {
    const { create, group } = this.#options;
    await createIfMissing(this.#groups, { ...create, name: group }, this.#life.signal);
  }

  #join(): Promise<GroupMembership> {
    const { group, maxInFlight = this.#concurrency * 8, runtime } = this.#options;
    const { memberName = runtime.processName } = this.#options;
    return this.#groups.join(
      { group, maxInFlight, ...(memberName !== undefined && { memberName }) },
      { signal: this.#life.signal },
    );
  }

  async #workFor(membership: GroupMembership): Promise<void> {
    const { group, handle, matches = () => true, onFailure, timeoutMs, runtime } = this.#options;
    this.#joined += 1;
    this.#isReady();
    this.#work = new MembershipWork(
      membership,
      {
        group,
        handle,
        matches,
        onFailure,
        concurrency: this.#concurrency,
        timeoutMs,
        runtime,
        logger: this.#logger,
      },
      this.#counts,
    );
    try {
      await this.#work.run(this.#life.signal);
    } finally {
      this.#work = undefined;
    }
  }
}

function canJoinAgain(error: unknown): boolean {
  return (
    error instanceof LeaseLostError ||
    error instanceof StoreUnavailableError ||
    error instanceof OverloadedError ||
    error instanceof DeadlineExceededError
  );
}
