import type { NackAction } from './consumer-groups.js';
import type { Event } from './event.js';
import type { EventMatcher } from './event-matcher.js';
import type { Metadata } from './metadata.js';

/** What a handler is told beside the event. */
export interface MessageContext {
  /** 1 for the first try. */
  readonly attempt: number;
  /** Aborted when the handler's time is up, when the event went to another worker, and when the bus does not wait any longer. */
  readonly signal: AbortSignal;
  /** It was parked, and is tried again. */
  readonly replayed: boolean;
  /** What appends and commands that follow from this event should carry: see `causedBy`. */
  readonly metadata: Metadata;
}

/** Handles one event; it is done when this resolves. It may come again, so handling it twice must do no harm. */
export type HandleMessage = (event: Event, context: MessageContext) => void | Promise<void>;

/** A try that failed. */
export interface MessageFailure {
  readonly event: Event;
  /** What was thrown; a `DeadlineExceededError` if the time was up. */
  readonly error: unknown;
  /** How often the event was tried by now. */
  readonly attempts: number;
}

export interface HandlerOptions {
  readonly handle: HandleMessage;
  /** How often an event is tried; 1 to 1,000. @default 5 */
  readonly maxAttempts?: number;
  /** Milliseconds before the second try, doubled for each further one up to 10 s; 0 to 10,000. @default 200 */
  readonly retryDelayMs?: number;
  /** Milliseconds that one try may take; then its signal is aborted and it counts as failed. @default no limit */
  readonly timeoutMs?: number;
  /**
   * Asked when all tries failed: leave the event out, or end the handler with the error.
   * @default the handler ends
   */
  readonly onFailure?: (failure: MessageFailure) => 'SKIP' | 'STOP' | Promise<'SKIP' | 'STOP'>;
}

export interface WorkerOptions {
  readonly handle: HandleMessage;
  /** Events that are handled at a time; those of one stream never are. 1 to 1,000. @default 16 */
  readonly concurrency?: number;
  /** As of handlers. @default what the bus gives a worker before it hands the event to another, less a tenth */
  readonly timeoutMs?: number;
  /**
   * Asked after each try that failed.
   * @default tried again later, so often as the bus does it, and then parked
   */
  readonly onFailure?: (failure: MessageFailure) => NackAction | Promise<NackAction>;
}

/** A handler or worker that was added. */
export interface RunningHandler {
  /** Resolves when it misses nothing from now on; rejects with what kept it from that. Need not be awaited. */
  readonly ready: Promise<void>;
  /** Resolves when it was stopped; rejects with what ended it. Need not be awaited. */
  readonly ended: Promise<void>;
  /** Takes no more events, finishes those under way, and resolves when it has. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Hands events to those who want them, over the log itself or over a broker. Both kinds get events of one stream in their
 * order, at least once.
 */
export interface MessageBus {
  /**
   * Fan-out: every handler of every process gets every event that one of the matchers matches (without matchers: all).
   * Nothing is remembered about a handler: one that is added again begins anew.
   */
  addHandler(handler: HandleMessage | HandlerOptions, ...matchers: readonly EventMatcher[]): RunningHandler;
  /**
   * A work queue: of all workers of one name, in whichever processes, one gets each event that one of the matchers matches.
   * What comes while none is there waits. All workers of a name should have the same matchers.
   */
  addWorker(
    name: string,
    handler: HandleMessage | WorkerOptions,
    ...matchers: readonly EventMatcher[]
  ): RunningHandler;
  /** Stops all handlers and workers; resolves when they have ended, however they did. May be called twice. */
  close(): Promise<void>;
}
