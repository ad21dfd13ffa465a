import type { Appended } from '../core/append.js';
import type { Event } from '../core/event.js';
import type { EventLog } from '../core/event-store.js';
import type { Runtime } from '../core/runtime.js';
import type { StreamId } from '../core/stream.js';
import { callOptions } from './imported-history.js';

export interface LiveAppendOptions {
  readonly store: EventLog;
  readonly runtime: Runtime;
  readonly signal?: AbortSignal | undefined;
  /**
   * Fails when the event is not seen for so long; looked at whenever the subscription says something, which is every
   * few seconds.
   * @default 10,000 milliseconds
   */
  readonly patienceMilliseconds?: number;
}

export interface LiveAppend {
  readonly stream: StreamId;
  /** As the subscription delivered it. */
  readonly event: Event;
  /** From the call of append to its answer. */
  readonly appendMilliseconds: number;
  /** From the call of append to the subscription's delivery, which may be before the answer. */
  readonly deliveryMilliseconds: number;
}

/**
 * Subscribes to the end of the log, appends an event to a new stream `Tour`, and measures when the subscription
 * delivers it. The subscription is over when this resolves.
 */
export async function liveAppend(options: LiveAppendOptions): Promise<LiveAppend> {
  const { store, runtime, signal, patienceMilliseconds = 10_000 } = options;
  const stream: StreamId = { aggregateType: 'Tour', aggregateId: runtime.newEventId() };
  const eventId = runtime.newEventId();
  let append: Promise<{ appended: Appended; answered: number }> | undefined;
  let began = 0;
  const messages = store.subscribe({ start: { kind: 'END' } }, callOptions(signal));
  for await (const message of messages) {
    const delivered = runtime.monotonic();
    const event = message.events.find((each) => each.eventId === eventId);
    if (event !== undefined && append !== undefined) {
      const { answered } = await append;
      return {
        stream,
        event,
        appendMilliseconds: answered - began,
        deliveryMilliseconds: delivered - began,
      };
    }
    // Its first message, of whatever kind, says that it follows the log.
    if (append === undefined) {
      began = runtime.monotonic();
      append = appendTo(options, stream, eventId);
      // Awaited above, or told by the subscription's silence.
      append.catch(() => undefined);
    } else if (delivered - began > patienceMilliseconds) {
      await append;
      break;
    }
  }
  throw new Error(
    `The subscription did not deliver an event that was appended to Tour ${stream.aggregateId}`,
  );
}

async function appendTo({ store, runtime, signal }: LiveAppendOptions, stream: StreamId, eventId: string) {
  const data = Buffer.from(JSON.stringify({ saying: 'Hello from the tour' }));
  const events = [{ eventId, eventType: 'TourTaken', data, contentType: 'application/json' }];
  const request = { streams: [{ stream, expectedVersion: 'NO_STREAM', events }] } as const;
  const appended = await store.append({ ...request, onConflict: 'THROW' }, callOptions(signal));
  return { appended, answered: runtime.monotonic() };
}
