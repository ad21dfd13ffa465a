import type { CallOptions } from '../../core/call-options.js';
import type { EventLog } from '../../core/event-store.js';
import { StoreUnavailableError } from '../../core/errors.js';
import type { LogPosition, SubscribeStart } from '../../core/subscribe.js';

/**
 * The position behind which a follower begins, as it can be kept. Asked of a subscription, whose first message tells where
 * it begins: so every store resolves and refuses a start in one way, the remote one included. Costs a page. Fails with
 * `PositionUnknownError`, `LogEpochChangedError`, `StoreUnavailableError`.
 */
export async function startOf(
  log: Pick<EventLog, 'subscribe'>,
  start: SubscribeStart,
  options: CallOptions = {},
): Promise<LogPosition> {
  for await (const { scannedAfter, epoch } of log.subscribe({ start }, options))
    return { position: scannedAfter, epoch };
  throw new StoreUnavailableError('The log ended while it was asked for a position');
}
