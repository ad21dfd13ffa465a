import { EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import { DeadlineExceededError, StoreUnavailableError } from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import type { SubscribeRequest, SubscribeStart, SubscriptionMessage } from '../core/subscribe.js';
import { decodeSubscriptionMessage } from '../wire/decode-page.js';
import { toWireSubscribeRequest } from '../wire/subscribe.js';
import { backoff } from './backoff.js';
import { openDecodedStream, receive } from './calls.js';
import { Chain } from './chain.js';
import type { Channels } from './channels.js';
import { isTransient } from './failure.js';

/** How subscriptions are kept up. */
export interface SubscribeOptions {
  readonly channels: Channels;
  readonly runtime: Runtime;
  /** How long to try to resume without a single message before giving up. */
  readonly resumeTimeoutMs: number;
}

/**
 * The messages of a subscription that outlives its connection: after any break it goes on behind the last message, and
 * each range is verified to meet the one before, over breaks too.
 */
export async function* subscribe(
  { channels, runtime, resumeTimeoutMs }: SubscribeOptions,
  request: SubscribeRequest,
  signal?: AbortSignal,
): AsyncGenerator<SubscriptionMessage, void, undefined> {
  let start = request.start ?? { kind: 'BEGINNING' };
  const chain = new Chain('FORWARDS', knownPosition(start));
  let failures = 0;
  let brokenSince = runtime.monotonic();
  for (;;) {
    signal?.throwIfAborted();
    const client = channels.current;
    const wire = toWireSubscribeRequest({ ...request, start });
    let broken: unknown = new StoreUnavailableError('The service ended the subscription without a reason');
    try {
      const call = openDecodedStream(client, EventStoreService.method.subscribe, wire, {
        decode: decodeSubscriptionMessage,
      });
      for await (const message of receive(call, signal)) {
        chain.verify(message);
        failures = 0;
        start = { kind: 'AFTER', after: { position: message.scannedTo, epoch: message.epoch } };
        yield message;
        brokenSince = runtime.monotonic();
      }
    } catch (error) {
      broken = error;
    }
    signal?.throwIfAborted();
    // A proxy may end calls that last long.
    if (!isTransient(broken) && !(broken instanceof DeadlineExceededError)) throw broken;
    channels.failed(client);
    if (failures === 0) brokenSince = runtime.monotonic();
    failures += 1;
    const pause = backoff(failures, runtime, isTransient(broken) ? broken.retryAfterMilliseconds : 0);
    if (runtime.monotonic() - brokenSince + pause > resumeTimeoutMs) throw broken;
    await runtime.sleep(pause, signal);
  }
}

/** Where the first message has to begin. */
function knownPosition(start: SubscribeStart): bigint | undefined {
  switch (start.kind) {
    case 'BEGINNING':
      return 0n;
    case 'AFTER':
      return start.after.position;
    default:
      return undefined;
  }
}
