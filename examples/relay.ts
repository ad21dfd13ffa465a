// Relays of one's own, and a bus over the broker that they publish to. See docs/relay.md.
import {
  type Connection,
  eventType,
  runProjection,
  type RunningProjection,
  systemRuntime,
} from '../src/index.js';
import { NatsBus, natsPublisher, relay, retryForEver } from '../src/relay/index.js';

/** Publishes the orders of the log to NATS until it is stopped. */
export function startRelay(connection: Connection, url: string): RunningProjection {
  const { eventStore, projections } = connection;
  const work = relay({
    name: 'orders-to-nats',
    publisher: natsPublisher({ url, stream: 'orders', prefix: 'shop' }),
    leases: projections,
    selection: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Order'] } },
  });
  return runProjection({ eventStore, projections, runtime: systemRuntime }, work, {
    onFailure: retryForEver(systemRuntime),
  });
}

/** Any number of processes share the mails, and each keeps its own cache right. */
export function startBus(
  url: string,
  mail: (order: string) => Promise<void>,
  cache: Map<string, string>,
): NatsBus {
  const bus = new NatsBus({ url, stream: 'orders', prefix: 'shop', maxAttempts: 3 });
  bus.addWorker('mailer', ({ stream }) => mail(stream.aggregateId), eventType('OrderPlaced'));
  bus.addHandler(({ stream }) => void cache.delete(stream.aggregateId));
  return bus;
}
