// Handlers and workers over the log itself, without a broker. Needs a running service.
import { aggregateType, type Connection, EventBus, eventType, matcher, systemRuntime } from '../src/index.js';

export function startBus(
  { consumerGroups, eventStore }: Connection,
  print: (line: string) => void,
): { readonly ready: Promise<unknown>; close(): Promise<void> } {
  const bus = new EventBus({ eventStore, consumerGroups, runtime: systemRuntime });

  // Every process drops what it keeps of an order.
  const cache = bus.addHandler(
    ({ stream }) => print(`dropped from the cache: ${stream.aggregateId}`),
    aggregateType('Order'),
  );
  // One process sends the mail: of orders when they are placed, and of all that is cancelled.
  const mailer = bus.addWorker(
    'bus-mailer',
    ({ stream }) => print(`mailed: ${stream.aggregateId}`),
    matcher().aggregateType('Order').eventType('OrderPlaced'),
    eventType('Cancelled'),
  );

  return { ready: Promise.all([cache.ready, mailer.ready]), close: () => bus.close() };
}
