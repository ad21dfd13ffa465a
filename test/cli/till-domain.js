// A small domain for the tests of the command line: `headwater serve --domain test/cli/till-domain.js`. JavaScript, and on
// top of what is built, since the service that loads it is a process of its own.
import { CommandRejectedError, defineAggregate, eventTypes, json, policy } from '../../dist/src/index.js';

const events = eventTypes()
  .register('TillOpened', { codec: json() })
  .register('MoneyPutIn', { codec: json() })
  .register('MoneyTaken', { codec: json() });
const cashier = policy().withRole('cashier').withScope('shop').withResource('shop');
const manager = policy().withRole('manager').withRole('owner').withScope('*');

const till = defineAggregate({
  type: 'Till',
  events,
  initialState: { shop: '', amount: 0 },
  evolve: (state, { eventType, payload }) => {
    switch (eventType) {
      case 'TillOpened':
        return { ...state, shop: payload.shop };
      case 'MoneyPutIn':
        return { ...state, amount: state.amount + payload.amount };
      default:
        return { ...state, amount: state.amount - payload.amount };
    }
  },
  snapshots: { every: 2 },
  commands: {
    OpenTill: {
      data: json(),
      existence: 'MUST_NOT_EXIST',
      policies: [manager],
      decide: (_state, { shop }) => [events.encode('TillOpened', { shop })],
    },
    PutIn: {
      data: json(),
      existence: 'MUST_EXIST',
      policies: [cashier, manager],
      decide: (_state, { amount }) => (amount === 0 ? [] : [events.encode('MoneyPutIn', { amount })]),
    },
    TakeOut: {
      data: json(),
      existence: 'MUST_EXIST',
      policies: [cashier, manager],
      decide: (state, { amount }) => {
        if (amount > state.amount)
          throw new CommandRejectedError('NOT_ENOUGH', `There are only ${state.amount} in the till`, {
            code: 'OUT_OF_RANGE',
            facts: { there: String(state.amount) },
          });
        return [events.encode('MoneyTaken', { amount })];
      },
    },
    CountTill: { data: json(), decide: () => [] },
  },
});

export const domain = [till];
