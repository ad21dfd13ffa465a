// One follower of the log in a process of its own, that writes down what it handles. Plain JavaScript, since it is killed
// and frozen as a process; takes what is built.
//
//   node followers-child.js '{"role":"mailers","name":"mailers 1","addresses":["127.0.0.1:1"],"file":"…","poison":"…", …}'
//
// A line of the file is what began, `{"b":position,"s":stream,"v":version,"i":id,"t":ms}`, or what ended, `{"e":position,
// "t":ms}`; the time is that of the machine's monotonic clock, which all processes share.
import { existsSync, openSync, writeSync } from 'node:fs';
import pg from 'pg';
import {
  connect,
  consume,
  defineAggregateProjector,
  defineProjector,
  defineReactor,
  defineReadModel,
  inTransaction,
  runProjection,
  systemRuntime as runtime,
} from '../../dist/src/index.js';
import {
  NatsBus,
  natsPublisher,
  RabbitBus,
  rabbitMqPublisher,
  relay,
  retryForEver,
} from '../../dist/src/relay/index.js';

const { role, name, addresses, file, poison, poisoned, databaseUrl, rabbitUrl, natsUrl } = JSON.parse(
  process.argv[2],
);

const told = openSync(file, 'a');
const clock = () => (Number(process.hrtime.bigint()) / 1e6).toFixed(3);
const streamOf = ({ stream }) => `${stream.aggregateType}/${stream.aggregateId}`;
function began(event) {
  const { eventId: i, position, version } = event;
  const line = { b: Number(position), s: streamOf(event), v: Number(version), i };
  writeSync(told, `${JSON.stringify(line).slice(0, -1)},"t":${clock()}}\n`);
}
function ended({ position }) {
  writeSync(told, `{"e":${position},"t":${clock()}}\n`);
}

const amountOf = ({ data }) => JSON.parse(Buffer.from(data).toString()).amount;
const signed = (event) => (event.eventType === 'Withdrawn' ? -amountOf(event) : amountOf(event));
const aWhile = () => runtime.sleep(Math.random() * 6);
class Poison extends Error {}
function taste(event) {
  if (streamOf(event) === poisoned && existsSync(poison)) throw new Poison('This stream is poisoned');
}

const accounts = { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account'] } };
const money = { ...accounts, filters: [{ eventTypes: ['Deposited', 'Withdrawn'] }] };

// A database that dies must not take its clients with it.
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10, query_timeout: 20_000, keepAlive: true });
pool.on('error', () => undefined);

const connection = connect({ address: addresses });
const { consumerGroups, eventStore, projections } = connection;
const parts = { eventStore, projections, runtime };
const consumed = (handle, more) =>
  consume(consumerGroups, { runtime, group: role, memberName: name, concurrency: 8, handle, ...more });
const projected = (work, more) => runProjection(parts, work, { runner: name, batchEvents: 200, ...more });
const relayed = (publisher) =>
  projected(relay({ name: role, publisher, leases: projections }), { onFailure: retryForEver(runtime) });
/** Handles, and writes down when. */
const noted = async (event) => {
  began(event);
  await aWhile();
  ended(event);
};
const patient = { maxAttempts: 1000 };
const rabbit = () => new RabbitBus({ url: rabbitUrl, exchange: 'trust', prefix: 'trust', ...patient });
const nats = () => new NatsBus({ url: natsUrl, stream: 'trust', prefix: 'trust', ...patient });

const ROLES = {
  mailers: () =>
    consumed(
      async (event) => {
        began(event);
        taste(event);
        await aWhile();
        ended(event);
      },
      {
        create: { slots: 16 },
        onFailure: ({ error }) => (error instanceof Poison ? { kind: 'PARK' } : { kind: 'RETRY' }),
      },
    ),
  billing: () =>
    consumed(
      inTransaction({
        pool,
        handle: async (event, client) => {
          began(event);
          await client.query('INSERT INTO effects (follower, position) VALUES ($1, $2)', [
            role,
            String(event.position),
          ]);
          await aWhile();
          ended(event);
        },
      }),
      { create: { slots: 16, selection: money } },
    ),
  balances: () =>
    projected(
      defineReadModel({
        name: role,
        schema: 'accounts',
        from: money,
        init: (client) =>
          client.query(
            'CREATE TABLE balance (account text PRIMARY KEY, amount bigint NOT NULL, events bigint NOT NULL)',
          ),
        on: {
          '*': async (client, event) => {
            began(event);
            await client.query(
              'INSERT INTO balance AS had VALUES ($1, $2, 1) ON CONFLICT (account) ' +
                'DO UPDATE SET amount = had.amount + excluded.amount, events = had.events + 1',
              [event.stream.aggregateId, signed(event)],
            );
            ended(event);
          },
        },
      }).work(pool),
    ),
  totals: () =>
    projected(
      defineProjector({
        name: role,
        initialState: () => ({ amount: 0, events: {} }),
        on: {
          '*': (state, event) => {
            began(event);
            const { eventType } = event;
            state.events[eventType] = (state.events[eventType] ?? 0) + 1;
            if (eventType === 'Deposited' || eventType === 'Withdrawn') state.amount += signed(event);
            ended(event);
            return state;
          },
        },
      }).work(projections),
    ),
  standings: () =>
    projected(
      defineAggregateProjector({
        name: role,
        from: accounts,
        initialState: () => ({ amount: 0, events: 0 }),
        onFailure: () => ({ kind: 'RETRY', afterMs: 1000 }),
        on: {
          '*': async ({ amount, events }, event) => {
            began(event);
            taste(event);
            const change = event.eventType === 'Noted' ? 0 : signed(event);
            if (amountOf(event) % 5 === 0) await aWhile();
            ended(event);
            return { amount: amount + change, events: events + 1 };
          },
        },
      }).work(parts),
    ),
  receipts: () =>
    projected(
      defineReactor({
        name: role,
        from: accounts,
        emits: ['Receipt'],
        window: 8,
        on: {
          '*': (event, { append }) => {
            began(event);
            if (event.eventType === 'Deposited' && amountOf(event) % 3 === 0)
              append(
                { aggregateType: 'Receipt', aggregateId: event.stream.aggregateId },
                { eventType: 'Receipted', data: event.data, contentType: event.contentType },
              );
            ended(event);
          },
        },
      }).work(parts),
    ),
  'rabbit-relay': () => relayed(rabbitMqPublisher({ url: rabbitUrl, exchange: 'trust', prefix: 'trust' })),
  'nats-relay': () => relayed(natsPublisher({ url: natsUrl, stream: 'trust', prefix: 'trust' })),
  'rabbit-worker': () => rabbit().addWorker('books', noted),
  'nats-worker': () => nats().addWorker('books', noted),
  'rabbit-listener': () => rabbit().addHandler({ handle: noted, ...patient }),
  'nats-listener': () => nats().addHandler({ handle: noted, ...patient }),
};

const running = ROLES[role]();
let stops = false;
running.ready.then(
  () => process.send?.('READY'),
  () => undefined,
);
running.ended.then(
  (end) => {
    if (!stops) fail(end?.failure ?? new Error('It ended'));
  },
  (error) => fail(error),
);

function fail(error) {
  console.error(`${name} ended by itself:`, error);
  process.exit(3);
}

process.on('SIGTERM', () => {
  stops = true;
  void running
    .stop()
    .then(() => pool.end())
    .then(() => process.exit(0));
});
// It never outlives who started it.
process.on('disconnect', () => process.exit());
