import type { Decided, DecideRequest } from '../../commands/decider.js';
import { ChurnedMap } from '../../core/churned-map.js';
import { InvalidRequestError, StreamNotFoundError } from '../../core/errors.js';
import type { Event } from '../../core/event.js';
import { onAbort } from '../../core/on-abort.js';
import { streamKey } from '../../core/stream.js';
import type { DecidePage, Outcome, Registration, ToWorker } from '../../wire/worker.js';
import { Credit } from './credit.js';
import type { AggregateSource } from '../aggregate-pages.js';
import { handOver, type Shown } from './hand-over.js';
import { hashOf } from './rendezvous.js';
import { type SentState, SentStates } from './sent-states.js';
import { WorkerFailed } from './worker-failed.js';

/** Commands that wait for one worker, beside those that it has. */
const QUEUE = 1000;
/** Commands given up on whose decision may still come. */
const GIVEN_UP = 10_000;
/** No message exceeds it. */
const MESSAGE_BYTES = 3.5 * 1024 * 1024;

/** The way to a worker. */
export interface WorkerLink {
  /** Resolves when there is room for the next message. */
  send(message: ToWorker): Promise<void>;
}

export interface WorkerParts {
  readonly id: string;
  readonly registration: Registration;
  readonly link: WorkerLink;
  readonly store: AggregateSource;
  /** Milliseconds in which it must decide. */
  readonly decideTimeoutMs: number;
}

interface UnderWay {
  /** All that it needs to decide is sent. */
  readonly complete: boolean;
  decided(outcome: Outcome): void;
  failed(error: Error): void;
}

/** What one asking came to. */
interface Answer {
  readonly outcome: Outcome;
  /** The version that was decided on. */
  readonly version: bigint;
  /** Only from what is remembered: somebody else may have appended since. */
  readonly fromMemory: boolean;
}

/** One worker that is connected: sends it commands, as many as it takes, and gives its decisions to who waits for them. */
export class Worker {
  readonly id: string;
  readonly registration: Registration;
  /** By which aggregates are shared out. */
  readonly seed: number;
  /** It has let a command's time pass, and said nothing since. */
  suspect = false;
  /** It takes no more commands. */
  leaving = false;
  /** Called when it is leaving and has nothing left to decide. */
  onIdle: (() => void) | undefined;
  readonly #parts: WorkerParts;
  readonly #credit: Credit;
  readonly #underWay = new ChurnedMap<bigint, UnderWay>();
  readonly #givenUp = new Set<bigint>();
  readonly #states = new SentStates();
  #next = 1n;
  #lost = false;

  constructor(parts: WorkerParts) {
    this.id = parts.id;
    this.registration = parts.registration;
    this.seed = hashOf(parts.id);
    this.#parts = parts;
    this.#credit = new Credit(parts.registration.maxInFlight, QUEUE);
  }

  /** Throws `WorkerFailed` if somebody else must be asked, and what the domain refuses with. */
  async decide(request: DecideRequest, signal: AbortSignal): Promise<Decided> {
    await this.#credit.take(signal);
    try {
      if (this.#lost) throw new WorkerFailed('The worker is gone', { untouched: true });
      return await this.#decide(request, signal);
    } finally {
      this.#credit.give();
    }
  }

  /** Takes a decision; throws `InvalidRequestError` for one that nobody asked for. */
  settle(correlation: bigint, outcome: Outcome): void {
    this.suspect = false;
    const asked = this.#underWay.get(correlation);
    if (asked === undefined) {
      if (this.#givenUp.delete(correlation)) return;
      throw unasked(`is ${correlation}, for which nothing was asked`);
    }
    if (!asked.complete && outcome.kind !== 'NEEDS_EVENTS')
      throw unasked(`is ${correlation}, of which not all events were sent yet`);
    this.#underWay.delete(correlation);
    asked.decided(outcome);
  }

  /** Gives it nothing more; what waits for it goes elsewhere, what it has it may decide. */
  leave(): void {
    this.leaving = true;
    this.#sendAway();
    if (this.#underWay.size === 0) this.onIdle?.();
  }

  /** It is gone, and decides nothing any more. */
  lose(): void {
    this.leaving = true;
    this.#lost = true;
    this.#sendAway();
    for (const asking of this.#underWay.values()) asking.failed(new WorkerFailed('The worker is gone'));
    this.#underWay.clear();
  }

  #sendAway(): void {
    this.#credit.refuse(() => new WorkerFailed('The worker takes no more', { untouched: true }));
  }

  async #decide(request: DecideRequest, signal: AbortSignal): Promise<Decided> {
    const { keepsState } = this.registration;
    const key = streamKey(request.aggregate);
    const answer = await this.#ask(request, key, keepsState && request.attempt === 1, signal);
    // An append shows whether what was remembered still holds, a refusal does not; so it must be the store's.
    if (
      answer.fromMemory &&
      answer.outcome.kind === 'REJECTED' &&
      !(await this.#isNewest(request, answer, signal))
    )
      return this.#decided(key, await this.#ask(request, key, false, signal));
    return this.#decided(key, answer);
  }

  #decided(key: string, { outcome, version }: Answer): Decided {
    if (outcome.kind === 'REJECTED') throw outcome.error;
    if (outcome.kind === 'NEEDS_EVENTS')
      throw new WorkerFailed('The worker was sent everything and wants more');
    const { condition, checks, events, snapshot } = outcome;
    return {
      version,
      events,
      ...(condition ? { condition } : {}),
      ...(checks ? { checks } : {}),
      // The version that it must have, whatever the worker counts.
      ...(snapshot ? { snapshot: { ...snapshot, version: version + BigInt(events.length) } } : {}),
      committed: (now: bigint, appended: readonly Event[]) => {
        if (this.registration.keepsState) this.#states.committed(key, version, now, appended);
      },
    };
  }

  /** Whether nobody has appended to the aggregate since the version that was decided on. */
  async #isNewest({ aggregate }: DecideRequest, { version }: Answer, signal: AbortSignal): Promise<boolean> {
    try {
      const info = await this.#parts.store.getStream(aggregate, { signal });
      return info.version === version && info.deletedAt === undefined;
    } catch (error) {
      if (error instanceof StreamNotFoundError) return version === 0n;
      throw error;
    }
  }

  async #ask(
    request: DecideRequest,
    key: string,
    mayRemember: boolean,
    signal: AbortSignal,
  ): Promise<Answer> {
    const correlation = this.#next;
    this.#next += 1n;
    const asking = new Asking(this.#parts.decideTimeoutMs, signal);
    this.#underWay.set(correlation, asking);
    try {
      const { version, fromMemory } = await this.#show(request, key, correlation, mayRemember, asking);
      const outcome = await asking.outcome();
      if (outcome.kind !== 'NEEDS_EVENTS') return { outcome, version, fromMemory };
      this.#states.forget(key);
      this.#underWay.set(correlation, asking);
      const again = await this.#show(request, key, correlation, false, asking);
      return { outcome: await asking.outcome(), version: again.version, fromMemory: false };
    } catch (error) {
      if (this.#underWay.delete(correlation) && asking.begun) this.#giveUp(correlation, error);
      throw error;
    } finally {
      asking.close();
      if (this.leaving && this.#underWay.size === 0) this.onIdle?.();
    }
  }

  /** Hands over what it needs to decide; gives the version of that. */
  async #show(
    request: DecideRequest,
    key: string,
    correlation: bigint,
    mayRemember: boolean,
    asking: Asking,
  ): Promise<{ readonly version: bigint; readonly fromMemory: boolean }> {
    const { keepsState } = this.registration;
    const state = keepsState ? this.#states.get(key) : undefined;
    const remembered = mayRemember ? rememberedOf(request, state) : undefined;
    const parts = remembered
      ? [remembered]
      : handOver(this.#parts.store, request, state?.version ?? 0n, asking.signal);
    let version = 0n;
    let first = true;
    for await (const part of parts) {
      // Sent more of it meanwhile, beside this: what was read does not go on from there.
      if (
        keepsState &&
        first &&
        part.afterVersion > 0n &&
        this.#states.get(key)?.version !== part.afterVersion
      )
        return this.#show(request, key, correlation, false, asking);
      asking.signal.throwIfAborted();
      for (const page of pagesOf(request, correlation, part, first)) {
        if (keepsState && page.more) this.#states.forget(key);
        const sending = this.#parts.link.send({ kind: 'DECIDE', page });
        if (keepsState && !page.more) this.#states.sent(key, part.version);
        asking.sent(page);
        await asking.during(sending);
      }
      ({ version } = part);
      first = false;
    }
    return { version, fromMemory: remembered !== undefined };
  }

  /** Nobody waits for the decision any more, which may come all the same. */
  #giveUp(correlation: bigint, error: unknown): void {
    if (this.#lost) return;
    this.#givenUp.add(correlation);
    if (this.#givenUp.size > GIVEN_UP)
      for (const oldest of this.#givenUp) {
        this.#givenUp.delete(oldest);
        break;
      }
    void this.#parts.link.send({ kind: 'CANCEL', correlation }).catch(() => undefined);
    if (!(error instanceof WorkerFailed)) return;
    this.suspect = true;
    this.#sendAway();
  }
}

/** What the worker has not been sent yet, without looking into the store, where that is known. */
function rememberedOf({ existence }: DecideRequest, state: SentState | undefined): Shown | undefined {
  if (state?.tail === undefined || existence === 'MUST_NOT_EXIST') return undefined;
  const { tail: events, version: afterVersion } = state;
  const version = afterVersion + BigInt(events.length);
  return version === 0n ? undefined : { snapshot: undefined, events, version, afterVersion, more: false };
}

function unasked(description: string): InvalidRequestError {
  return new InvalidRequestError([{ field: 'decision.correlation', description }]);
}

/** One command that a worker has, until it is decided, its time is over, or nobody waits any more. */
class Asking implements UnderWay {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #letGo: () => void;
  /** The worker knows of it. */
  begun = false;
  complete = false;
  #timer: NodeJS.Timeout | undefined;
  #outcome: Outcome | undefined;
  #wake: (() => void) | undefined;

  constructor(timeoutMs: number, signal: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#letGo = onAbort(signal, () => this.failed(signal.reason as Error));
    if (signal.aborted) this.failed(signal.reason as Error);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A message of it was written; the worker's time begins anew. */
  sent({ more }: DecidePage): void {
    this.begun = true;
    this.complete = !more;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.failed(new WorkerFailed(`The worker has not decided within ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    );
  }

  decided(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#wake?.();
  }

  failed(error: Error): void {
    this.#controller.abort(error);
    this.#wake?.();
  }

  /** What is decided; each decision is given once. */
  async outcome(): Promise<Outcome> {
    await this.#awake(() => this.#outcome !== undefined);
    const outcome = this.#outcome;
    this.#outcome = undefined;
    if (outcome === undefined) throw this.signal.reason;
    return outcome;
  }

  /** Waits for that, or fails before. */
  async during(promise: Promise<void>): Promise<void> {
    let done = false;
    const finished = () => {
      done = true;
      this.#wake?.();
    };
    promise.then(finished, (error: unknown) => this.failed(error as Error));
    await this.#awake(() => done);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#letGo();
  }

  async #awake(condition: () => boolean): Promise<void> {
    while (!condition()) {
      this.signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The part as messages: the command and the snapshot go ahead where not all has room in one. */
function* pagesOf(
  { aggregate, command, principal }: DecideRequest,
  correlation: bigint,
  { afterVersion, events, more, snapshot, version }: Shown,
  first: boolean,
): Generator<DecidePage, void, undefined> {
  const rest = { correlation, afterVersion, principal: principal.kind === 'USER' ? principal.id : '' };
  const head = first ? { command, aggregate, ...(snapshot ? { snapshot } : {}) } : {};
  const headBytes = first ? command.data.bytes.byteLength + (snapshot?.data.byteLength ?? 0) + 128 * 1024 : 0;
  // A page of the store has 2 MiB at most, or one event.
  const together = headBytes + 2.25 * 1024 * 1024 <= MESSAGE_BYTES || events.length === 0;
  if (!together)
    yield { ...rest, ...head, version: snapshot?.version ?? afterVersion, events: [], more: true };
  yield { ...rest, ...(together ? head : {}), version, events, more };
}
