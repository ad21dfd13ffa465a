import type { Event } from '../core/event.js';
import type { Runtime } from '../core/runtime.js';
import { onAbort } from '../core/on-abort.js';
import { PublishError } from './relay-error.js';

export interface WindowOptions {
  readonly inFlight: number;
  readonly confirmTimeoutMs: number;
  readonly runtime: Runtime;
}

/**
 * Sends events in order with at most so many unconfirmed. After the first failure nothing more is sent, so that what is
 * sent again begins with the first that was not confirmed. Rejects with `PublishError` as soon as anything fails, or when
 * nothing is confirmed for so long; the caller then drops the connection, or what is still under way could arrive later.
 *
 * @param send resolves when the event is confirmed
 */
export async function publishWindow(
  events: readonly Event[],
  send: (event: Event, index: number) => Promise<unknown>,
  { inFlight, confirmTimeoutMs, runtime }: WindowOptions,
  signal: AbortSignal,
): Promise<void> {
  const confirmed = new Set<number>();
  let next = 0;
  let heard = runtime.monotonic();
  const silence = new AbortController();
  const frontOf = () => {
    let front = 0;
    while (confirmed.has(front)) front += 1;
    return front;
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const letGo = onAbort(signal, () => reject(signal.reason as Error));
      silence.signal.addEventListener('abort', letGo);
      const sendMore = () => {
        while (!silence.signal.aborted && next < events.length && next - confirmed.size < inFlight) {
          const index = next;
          const event = events[index];
          if (event === undefined) return;
          next += 1;
          send(event, index).then(() => {
            confirmed.add(index);
            heard = runtime.monotonic();
            if (confirmed.size === events.length) resolve();
            else sendMore();
          }, reject);
        }
      };
      const watch = async () => {
        while (!silence.signal.aborted) {
          const left = heard + confirmTimeoutMs - runtime.monotonic();
          if (left <= 0) return reject(new Error(`Nothing was confirmed for ${confirmTimeoutMs} ms`));
          await runtime.sleep(left, silence.signal).catch(() => undefined);
        }
      };
      if (signal.aborted) return reject(signal.reason as Error);
      if (events.length === 0) return resolve();
      sendMore();
      void watch();
    });
  } catch (error) {
    throw new PublishError(frontOf(), error);
  } finally {
    silence.abort();
  }
}
