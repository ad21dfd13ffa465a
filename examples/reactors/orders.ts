// A process that waits: an order is confirmed by mail, and expires unless it is paid in time. Needs a running service.
import {
  type CommandBus,
  connect,
  defineReactor,
  eventTypes,
  json,
  runProjection,
  systemRuntime,
} from '../../src/index.js';

export const orderEvents = eventTypes()
  .register('OrderPlaced', { codec: json<{ email: string; payWithinMs: number }>() })
  .register('OrderPaid', { codec: json<{ amount: number }>() })
  .register('OrderExpired', { codec: json<{ reason: string }>() })
  .register('MailRequested', { codec: json<{ to: string; text: string }>() });

/** Mails are requested by events; who sends them is another matter. */
export const confirmations = defineReactor({
  name: 'confirmations',
  from: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Order'] } },
  events: orderEvents,
  emits: ['OrderMail'],
  on: {
    OrderPlaced: ({ stream, payload }, { append }) =>
      append(
        { aggregateType: 'OrderMail', aggregateId: stream.aggregateId },
        orderEvents.encode('MailRequested', { to: payload.email, text: 'Thank you' }),
      ),
  },
});

/** The deadline is an event that comes true later, unless the order is paid. */
export const expiry = defineReactor({
  name: 'expiry',
  from: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Order'] } },
  events: orderEvents,
  on: {
    OrderPlaced: ({ stream, payload }, { schedule }) =>
      schedule({
        key: stream.aggregateId,
        afterMs: payload.payWithinMs,
        stream,
        event: orderEvents.encode('OrderExpired', { reason: 'not paid in time' }),
      }),
    OrderPaid: ({ stream }, { cancel }) => cancel(stream.aggregateId),
  },
});

/** What is wished goes to the aggregate that decides it, as a command. */
export const shipping = defineReactor({
  name: 'shipping',
  from: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Order'] } },
  events: orderEvents,
  on: {
    OrderPaid: async ({ stream }, { execute }) => {
      const bytes = new TextEncoder().encode(JSON.stringify({ order: stream.aggregateId }));
      await execute({
        commandType: 'Ship',
        aggregateId: `parcel-${stream.aggregateId}`,
        data: { kind: 'JSON', bytes },
      });
    },
  },
});

export async function runOrders(address: string, print: (line: string) => void): Promise<void> {
  const { eventStore, projections, close } = connect({ address });
  const parts = { eventStore, projections, runtime: systemRuntime };
  const running = [confirmations, expiry].map((reactor) => runProjection(parts, reactor.work(parts)));

  const place = async (order: string) => {
    const event = orderEvents.encode('OrderPlaced', { email: 'ada@example.org', payWithinMs: 1_000 });
    const stream = { aggregateType: 'Order', aggregateId: order };
    await eventStore.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events: [event] }] });
    return stream;
  };
  const paid = await place('paid');
  await place('forgotten');
  const events = [orderEvents.encode('OrderPaid', { amount: 10 })];
  await eventStore.append({ streams: [{ stream: paid, expectedVersion: 1n, events }] });

  const types = [{ eventTypes: ['MailRequested', 'OrderExpired'] }];
  let seen = 0;
  for await (const { events: some } of eventStore.subscribe({ filters: types })) {
    for (const { eventType, stream } of some) print(`${eventType} ${stream.aggregateId}`);
    seen += some.length;
    if (seen >= 3) break;
  }

  for (const one of running) await one.stop();
  close();
}

/** @param commands a connection's `commands`, or the `AggregateManager` of a domain in this process */
export function runShipping(address: string, commands: CommandBus) {
  const { eventStore, projections } = connect({ address });
  const parts = { eventStore, projections, runtime: systemRuntime };
  return runProjection(parts, shipping.work({ ...parts, commands }));
}
