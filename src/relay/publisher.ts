import type { Event } from '../core/event.js';
import type { RelayEncoding } from './encoding.js';

/** What of the log is handed to a broker, and is not in the events. */
export interface PublishedFrom {
  /** Of the log when the events were read. */
  readonly epoch: bigint | undefined;
}

/** Hands events to a broker. It connects when it is first used, and again after any failure. */
export interface EventPublisher {
  /**
   * Publishes the events in their order and resolves when the broker has confirmed every one. Rejects with `PublishError`,
   * which tells how many from the front are confirmed; then the rest is to be published again. Called by one caller at a
   * time.
   */
  publish(events: readonly Event[], from: PublishedFrom, signal: AbortSignal): Promise<void>;
  /** Closes the connection. May be called twice. */
  close(): Promise<void>;
}

/** What both brokers are told alike. */
export interface PublisherOptions {
  /**
   * The first words of every topic: at most 63 letters, digits, `_` and `-`, with dots between words.
   * @default "headwater"
   */
  readonly prefix?: string;
  /** @default "cloudevents" */
  readonly encoding?: RelayEncoding;
  /**
   * The `source` of CloudEvents, a URI reference: which log.
   * @default "/headwater"
   */
  readonly source?: string;
  /**
   * Events that are sent and not confirmed; 1 to 10,000. With 1, order is kept even where a broker refuses one event and
   * takes the next.
   * @default 256
   */
  readonly inFlight?: number;
  /**
   * Milliseconds without any confirm after which the connection is given up, and what was not confirmed is sent again.
   * @default 30000
   */
  readonly confirmTimeoutMs?: number;
}

export const DEFAULT_IN_FLIGHT = 256;
export const DEFAULT_CONFIRM_TIMEOUT_MS = 30_000;
const MOST_IN_FLIGHT = 10_000;

/** Throws `RangeError`. */
export function checkedInFlight(inFlight: number): number {
  if (!Number.isInteger(inFlight) || inFlight < 1 || inFlight > MOST_IN_FLIGHT)
    throw new RangeError(`inFlight is ${inFlight}, it must be a whole number from 1 to ${MOST_IN_FLIGHT}`);
  return inFlight;
}
