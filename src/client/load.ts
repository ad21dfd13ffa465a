import { EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { CallOptions } from '../core/call-options.js';
import type { LoadPage, LoadRequest } from '../core/load.js';
import type { Runtime } from '../core/runtime.js';
import { decodeLoadPage } from '../wire/decode-page.js';
import { toWireLoadRequest } from '../wire/load.js';
import { backoff } from './backoff.js';
import { openDecodedStream, receive } from './calls.js';
import { Chain } from './chain.js';
import type { Channels } from './channels.js';
import { isTransient } from './failure.js';

/** How loads are tried. */
export interface LoadOptions {
  readonly channels: Channels;
  readonly runtime: Runtime;
  /** How long the first page is tried for, in milliseconds, where the caller does not say. */
  readonly timeoutMs: number;
}

/**
 * The pages of a load, each range verified to meet the one before. Tried again while no page has come; after that a lost
 * connection ends it, since its upper bound was that call's: load again, from the last position on.
 */
export async function* load(
  { channels, runtime, timeoutMs }: LoadOptions,
  request: LoadRequest,
  { signal, timeoutMilliseconds }: CallOptions = {},
): AsyncGenerator<LoadPage, void, undefined> {
  const wire = toWireLoadRequest(request);
  const patience = timeoutMilliseconds ?? timeoutMs;
  const begun = runtime.monotonic();
  for (let failures = 1; ; failures++) {
    signal?.throwIfAborted();
    const chain = new Chain(request.direction ?? 'FORWARDS');
    const client = channels.current;
    // Only a load that waits for a position has a deadline: the service has no other way to know how long it may.
    const deadline =
      request.minPosition && timeoutMilliseconds !== undefined
        ? { timeoutMs: timeoutMilliseconds - (runtime.monotonic() - begun) }
        : {};
    let delivered = false;
    try {
      const call = openDecodedStream(client, EventStoreService.method.load, wire, {
        decode: decodeLoadPage,
        ...deadline,
      });
      for await (const page of receive(call, signal)) {
        chain.verify(page);
        delivered = true;
        yield page;
      }
      return;
    } catch (error) {
      if (!isTransient(error)) throw error;
      channels.failed(client);
      const pause = backoff(failures, runtime, error.retryAfterMilliseconds);
      if (delivered || runtime.monotonic() - begun + pause > patience) throw error;
      await runtime.sleep(pause, signal);
    }
  }
}
