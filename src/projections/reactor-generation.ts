import type { CommandBus } from '../core/command.js';
import {
  EventIdReusedError,
  OverloadedError,
  StoreUnavailableError,
  StreamDeletedError,
  StreamNotFoundError,
} from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { PayloadTypes } from '../core/event-types.js';
import type { EventStore } from '../core/event-store.js';
import type { ProjectionLease, ProjectionLeases } from '../core/projections.js';
import type { EventSelection } from '../core/selection.js';
import type { Runtime } from '../core/runtime.js';
import type { LogPosition } from '../core/subscribe.js';
import { PendingDeadlines } from './deadlines.js';
import { type Emission, Emitter } from './emit.js';
import { narrowed } from './narrowed.js';
import { type Batch, type GenerationWork, HandlerError } from './projection-work.js';
import type { HandlerTable } from './projector-handlers.js';
import { ReactionContext } from './reaction-context.js';
import type { ReactorContext } from './reactor.js';

export interface ReactorParts {
  readonly eventStore: Pick<EventStore, 'append' | 'load' | 'listStreams' | 'deleteStream' | 'getStream'>;
  readonly projections: Pick<ProjectionLeases, 'load' | 'save'>;
  readonly runtime: Pick<Runtime, 'now'>;
  /** Where its commands are sent. @default it cannot send any */
  readonly commands?: CommandBus;
}

/** A reactor whose types were checked where it was defined. */
export interface AnyReactor {
  readonly name: string;
  readonly emits: readonly string[];
  readonly selection: EventSelection;
  /** Events whose effects may be under way at the same time. */
  readonly window: number;
  readonly reactions: HandlerTable<PayloadTypes, [Event, ReactorContext], void>;
}

/**
 * Handles events one after the other: whatever a reaction does is done before its event counts as handled, so that a crash
 * has it done again, under the same ids.
 *
 * A deadline comes true when the reactor has handled all that was recorded up to then: before the first event of a later
 * time, or, when none comes, once nothing is left to be handled. So one that was cancelled in time does not
 * come true, however far the reactor is behind.
 */
export class ReactorGeneration implements GenerationWork {
  position: LogPosition | undefined;
  readonly #reactor: AnyReactor;
  readonly #parts: ReactorParts;
  readonly #lease: ProjectionLease;
  readonly #emitter: Emitter;
  #pending = PendingDeadlines.from(new Uint8Array());
  /** What was saved is not known: the answer was lost. */
  #inDoubt = false;

  private constructor(reactor: AnyReactor, parts: ReactorParts, lease: ProjectionLease, emitter: Emitter) {
    this.#reactor = reactor;
    this.#parts = parts;
    this.#lease = lease;
    this.#emitter = emitter;
  }

  static async open(
    reactor: AnyReactor,
    parts: ReactorParts,
    lease: ProjectionLease,
    signal: AbortSignal,
  ): Promise<ReactorGeneration> {
    const { name, emits } = reactor;
    const options = { store: parts.eventStore, projection: name, emits, elsewhere: true };
    const opened = new ReactorGeneration(reactor, parts, lease, await Emitter.open(options, signal));
    await opened.#load(signal);
    return opened;
  }

  async handle(batch: Batch, signal: AbortSignal): Promise<void> {
    if (this.#inDoubt) await this.#load(signal);
    const done = this.position?.position ?? 0n;
    if (done > 0n && done >= batch.upTo.position) return;
    let pending = this.#pending;
    const underWay: Promise<Outcome>[] = [];
    const mine = () => (pending === this.#pending ? (pending = pending.copy()) : pending);
    for (const event of batch.events) {
      if (event.position <= done) continue;
      signal.throwIfAborted();
      const due = pending.dueBy(event.recordedAt - 1n);
      if (due.length > 0) {
        await allOf(underWay.splice(0));
        await this.#comeTrue(mine(), due, signal);
      }
      if (this.#emitter.isOwn(event)) continue;
      try {
        const context = await this.#react(event, signal);
        for (const change of context.deadlines)
          if (change.kind === 'SET') mine().set(change.deadline);
          else mine().delete(change.key);
        underWay.push(settled(this.#append(context.emission, signal)));
      } catch (error) {
        // What is in front of it comes first, also where it is a failure.
        await allOf(underWay.splice(0));
        throw signal.aborted || isOutage(error) ? error : new HandlerError(event, error);
      }
      if (underWay.length >= this.#reactor.window) await allOf(underWay.splice(0, 1), underWay);
    }
    await allOf(underWay);
    await this.#save(pending, batch.upTo, signal);
  }

  async tick(signal: AbortSignal): Promise<void> {
    const { runtime } = this.#parts;
    if (this.#inDoubt) await this.#load(signal);
    const due = this.#pending.dueBy(runtime.now());
    if (due.length === 0 || this.position === undefined) return;
    if (await this.#isBehind(this.position, signal)) return;
    const pending = this.#pending.copy();
    await this.#comeTrue(pending, due, signal);
    await this.#save(pending, this.position, signal);
  }

  async reset(
    { resetNumber, deleteEmitted }: { readonly resetNumber: bigint; readonly deleteEmitted: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    if (deleteEmitted) await this.#emitter.deleteEmitted(signal);
    const nothing = PendingDeadlines.from(new Uint8Array());
    const save = { position: { position: 0n }, state: nothing.encoded(), resetDone: resetNumber };
    await this.#parts.projections.save(this.#lease, save, { signal });
    this.#inDoubt = false;
    this.#pending = nothing;
    this.position = undefined;
  }

  async delete({ deleteEmitted }: { readonly deleteEmitted: boolean }, signal: AbortSignal): Promise<void> {
    if (deleteEmitted) await this.#emitter.deleteEmitted(signal);
  }

  async close(): Promise<void> {
    // Nothing is held.
  }

  async #react(stored: Event, signal: AbortSignal): Promise<ReactionContext> {
    const { name, reactions } = this.#reactor;
    const { commands } = this.#parts;
    const context = new ReactionContext({ reactor: name, emitter: this.#emitter, commands, signal }, stored);
    for (const { event, handler } of reactions.handlersOf(stored)) await handler(event, context);
    return context;
  }

  async #append(emission: Emission, signal: AbortSignal): Promise<void> {
    try {
      await this.#emitter.append(emission, signal);
    } catch (error) {
      if (signal.aborted || isOutage(error)) throw error;
      // It was answered before: what was done then stands.
      if (!(error instanceof EventIdReusedError)) throw new HandlerError(emission.cause, error);
    }
  }

  /**
   * Whether events are in the log that it has not handled. Its position does not tell: it moves on through what is of no
   * interest to it only now and then.
   */
  async #isBehind({ position }: LogPosition, signal: AbortSignal): Promise<boolean> {
    const { scope, filters } = this.#reactor.selection;
    const request = {
      ...(scope === undefined ? {} : { scope }),
      filters: narrowed(filters, { firstPosition: position + 1n }),
      includeDeleted: true,
      limit: 1n,
    };
    try {
      for await (const { events } of this.#parts.eventStore.load(request, { signal }))
        if (events.length > 0) return true;
    } catch (error) {
      if (!(error instanceof StreamNotFoundError)) throw error;
    }
    return false;
  }

  /** One after the other, since each has an append of its own that may have been made before. */
  async #comeTrue(
    pending: PendingDeadlines,
    due: ReturnType<PendingDeadlines['dueBy']>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const deadline of due) {
      try {
        await this.#emitter.write([deadline], signal);
      } catch (error) {
        // It came true before, or what it is about is gone.
        if (!(error instanceof EventIdReusedError || error instanceof StreamDeletedError)) throw error;
      }
      pending.delete(deadline.key);
    }
  }

  async #save(pending: PendingDeadlines, position: LogPosition, signal: AbortSignal): Promise<void> {
    const changed = pending !== this.#pending ? { state: pending.encoded() } : {};
    this.#inDoubt = true;
    await this.#parts.projections.save(this.#lease, { position, ...changed }, { signal });
    this.#inDoubt = false;
    this.#pending = pending;
    this.position = position;
  }

  async #load(signal: AbortSignal): Promise<void> {
    const { name, generation } = this.#lease;
    const { position, state } = await this.#parts.projections.load({ name, generation }, { signal });
    this.#pending = PendingDeadlines.from(state);
    this.position = position.position === 0n ? undefined : position;
    this.#inDoubt = false;
  }
}

/** What may pass by itself, so that nobody has to decide about it. */
function isOutage(error: unknown): boolean {
  return error instanceof StoreUnavailableError || error instanceof OverloadedError;
}

/** How an append has ended. A promise that is waited for later must not reject before. */
type Outcome = { readonly error?: unknown };

function settled(append: Promise<void>): Promise<Outcome> {
  return append.then(
    () => ({}),
    (error: unknown) => ({ error }),
  );
}

/** Waits for appends; if one has failed also for those behind it, and throws the first failure. */
async function allOf(
  appends: readonly Promise<Outcome>[],
  behind: readonly Promise<Outcome>[] = [],
): Promise<void> {
  for (const outcome of await Promise.all(appends))
    if ('error' in outcome) {
      await Promise.all(behind);
      throw outcome.error;
    }
}
