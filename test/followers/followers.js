// A program that runs a reactor, a projector that emits, and a projector of aggregates. Plain JavaScript, since it runs as a
// process of its own that can be killed; takes what is built.
//
//   node followers.js '{"address":"127.0.0.1:1","hangs":true,"refuses":1}'
//
// With `hangs` nothing is saved any more once an event of the type Deposited was handled: effects are there, checkpoints not.
// So often as it `refuses` it fails at the amount 3.
import {
  connect,
  defineAggregateProjector,
  defineProjector,
  defineReactor,
  emitting,
  eventTypes,
  json,
  runProjection,
  systemRuntime,
} from '../../dist/src/index.js';

const { address, hangs, refuses } = JSON.parse(process.argv[2]);
const { eventStore, projections } = connect({ address });
const runtime = systemRuntime;

const events = eventTypes({ unknown: 'pass' })
  .register('Opened', { codec: json() })
  .register('Deposited', { codec: json() })
  .register('Sent', { codec: json() })
  .register('Reminded', { codec: json() });
const from = { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Account'] } };

let effects = false;
let refusals = refuses;
const hanging = {
  load: (...all) => projections.load(...all),
  save: async (...all) => {
    if (!hangs || !effects) return projections.save(...all);
    console.log(`hangs ${all[0].name}`);
    return new Promise(() => undefined);
  },
};

const mail = (id) => ({ aggregateType: 'Mail', aggregateId: id });
const reactor = defineReactor({
  name: 'thanks',
  events,
  from,
  on: {
    Opened: ({ stream }, { schedule }) =>
      schedule({
        key: stream.aggregateId,
        afterMs: stream.aggregateId === 'late' ? 10_000 : 3_600_000,
        stream: mail(stream.aggregateId),
        event: events.encode('Reminded', {}),
      }),
    Deposited: ({ stream, payload }, { append }) => {
      effects = true;
      append(mail(stream.aggregateId), events.encode('Sent', payload));
    },
  },
});

const index = defineProjector({
  name: 'index',
  events,
  from,
  initialState: () => ({ links: 0 }),
  on: {
    Deposited: ({ links }, _event, { linkTo, event }) => {
      effects = true;
      linkTo({ aggregateType: 'Index', aggregateId: 'deposits' }, event);
      return { links: links + 1 };
    },
  },
  extension: emitting({ store: eventStore, projection: 'index', emits: ['Index'] }),
});

const balances = defineAggregateProjector({
  name: 'balances',
  events,
  from,
  initialState: () => ({ balance: 0 }),
  onFailure: () => ({ kind: 'FAIL' }),
  on: {
    Deposited: ({ balance }, { payload }) => {
      effects = true;
      if (payload.amount === 3 && refusals-- > 0) throw new Error('not 3');
      return { balance: balance + payload.amount };
    },
  },
});

const parts = { eventStore, projections, runtime };
runProjection(parts, reactor.work({ ...parts, projections: hanging }));
runProjection(parts, index.work(hanging));
runProjection(parts, balances.work({ ...parts, projections: hanging }));
console.log('runs');
