import type { EventTypeRegistry, PayloadTypes } from '../core/event-types.js';
import {
  type Aggregate,
  type AggregateCommand,
  type AggregateEvent,
  type CommandRules,
  type DataCodecs,
  type DataOutput,
  type Decision,
  type DecisionGuards,
  foldable,
  type SnapshotOptions,
} from './aggregate.js';
import type { DecideContext } from './decide-context.js';
import { checkedAggregate } from './checked-aggregate.js';

/** A command of an aggregate in the decider style. */
export interface CommandDefinition<State, Types extends PayloadTypes, Codec> extends CommandRules<Codec> {
  /**
   * What the command comes to, or `throw new CommandRejectedError(…)`. It may be called again, when what it was decided on
   * has changed; so it changes nothing outside.
   */
  decide(state: State, data: DataOutput<Codec>, context: DecideContext<Types>): Decision | Promise<Decision>;
}

/** An aggregate in the decider style. */
export interface AggregateDefinition<State, Types extends PayloadTypes, Codecs extends DataCodecs> {
  /** The aggregate type of its streams. */
  readonly type: string;
  readonly events: EventTypeRegistry<Types>;
  /** The state before the first event. */
  readonly initialState: State | (() => State);
  /**
   * The state with one event more: a new one, for states never change. Never called for the store's own events (`$…`) and for
   * erased ones, of which nothing is left.
   */
  evolve(state: State, event: AggregateEvent<Types>): State;
  /** By command type. */
  readonly commands: {
    readonly [Name in keyof Codecs]: CommandDefinition<State, Types, Codecs[Name]>;
  };
  /** @default no snapshots */
  readonly snapshots?: SnapshotOptions<State>;
}

/**
 * An aggregate in the decider style. Throws `TypeError`, which names the type, for what does not hold together.
 *
 * @example
 * const account = defineAggregate({
 *   type: 'Account',
 *   events: accountEvents,
 *   initialState: { balance: 0 },
 *   evolve: (state, { eventType, payload }) =>
 *     eventType === 'Deposited' ? { balance: state.balance + payload.amount } : state,
 *   commands: {
 *     Deposit: {
 *       data: json<{ amount: number }>(),
 *       existence: 'MUST_EXIST',
 *       policies: [policy().withRole('teller')],
 *       decide: (state, { amount }) => [accountEvents.encode('Deposited', { amount })],
 *     },
 *   },
 * });
 */
export function defineAggregate<State, Types extends PayloadTypes, const Codecs extends DataCodecs>(
  definition: AggregateDefinition<State, Types, Codecs>,
): Aggregate<State, Types, Codecs> {
  const { type, events, initialState } = definition;
  return checkedAggregate<State, Types, Codecs>({
    type,
    events,
    commands: definition.commands as unknown as Readonly<Record<string, AggregateCommand<State>>>,
    snapshots: definition.snapshots as SnapshotOptions | undefined,
    initial: () => (typeof initialState === 'function' ? (initialState as () => State)() : initialState),
    fold: (state, event) => {
      let folded = state;
      for (const one of foldable(events, event)) folded = definition.evolve(folded, one);
      return folded;
    },
    run: async (state, update, context) => {
      const decision = await update(state, context);
      return Array.isArray(decision) || (decision && 'events' in decision)
        ? (decision as Decision)
        : { ...(decision as DecisionGuards | undefined), events: [] };
    },
    copy: (state) => state,
    toSnapshot: (state) => state,
    fromSnapshot: (kept) => kept as State,
  });
}
