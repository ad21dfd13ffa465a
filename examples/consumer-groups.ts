// Mails are sent for orders, by as many processes as there are: a consumer group. One order cannot be handled, is parked,
// and is tried again when the fault is mended. Needs a running service.
//   npm start, then in another terminal: npx vitest run test/examples/consumer-groups.test.ts (which starts a service of its
//   own), or compile it into your own project and call mailer('127.0.0.1:50051', console.log)
import { type Connection, type Consumer, connect, consume, type Event, systemRuntime } from '../src/index.js';

interface Order {
  readonly to: string;
}

const orderOf = (event: Event) => JSON.parse(Buffer.from(event.data).toString()) as Order;

export function startMailer(
  connection: Connection,
  group: string,
  send: (order: Order) => void | Promise<void>,
): Consumer {
  return consume(connection.consumerGroups, {
    runtime: systemRuntime,
    group,
    create: { selection: { filters: [{ eventTypes: ['OrderPlaced'] }] } },
    handle: async (event) => {
      await send(orderOf(event));
    },
    // What is broken stays broken; all else is tried again with the back-off of the group.
    onFailure: ({ error }) => (error instanceof SyntaxError ? { kind: 'PARK' } : { kind: 'RETRY' }),
  });
}

export async function mailer(address: string, print: (line: string) => void): Promise<void> {
  const connection = connect({ address });
  const group = `mailer-${crypto.randomUUID()}`;
  const place = (id: string, data: string) =>
    connection.eventStore.append({
      streams: [
        {
          stream: { aggregateType: 'Order', aggregateId: `${id}-${group}` },
          expectedVersion: 'NO_STREAM',
          events: [{ eventType: 'OrderPlaced', data: Buffer.from(data), contentType: 'application/json' }],
        },
      ],
    });
  let sent = 0;
  const consumer = startMailer(connection, group, ({ to }) => {
    sent += 1;
    print(`a mail to ${to}`);
  });
  await consumer.ready;
  await place('1', '{"to":"ada"}');
  await until(() => sent === 1);
  await place('2', '{"to":');
  await until(async () => (await connection.consumerGroups.get(group)).parked === 1n);
  const { parked } = await connection.consumerGroups.listParked({ group });
  for (const { attempts, reason } of parked)
    print(`parked after ${attempts} attempt: ${reason.split(':')[0]}`);
  // One order that is held back is no reason for others to wait.
  await place('3', '{"to":"grace"}');
  await until(() => sent === 2);
  // The event will never be good, so it is left out; what comes behind it in its stream goes on.
  const stream = parked[0]?.stream;
  if (stream !== undefined)
    print(
      `to be tried again: ${await connection.consumerGroups.replayParked({ group, stream, skipFirst: true })}`,
    );
  await until(async () => (await connection.consumerGroups.get(group)).parked === 0n);
  await consumer.stop();
  const { handled, failed } = consumer.stats;
  print(`handled ${handled}, failed ${failed}`);
  await connection.consumerGroups.delete(group);
  connection.close();
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemRuntime.sleep(20);
}
