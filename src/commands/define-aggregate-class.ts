import type { EventTypeRegistry, PayloadTypes } from '../core/event-types.js';
import {
  type Aggregate,
  type AggregateCommand,
  type CommandRules,
  type DataCodecs,
  type DataOutput,
  type Decision,
  type DecisionGuards,
  type SnapshotOptions,
  type Update,
} from './aggregate.js';
import { type AnyInstance, apply, begin, BaseAggregate, raised } from './base-aggregate.js';
import { checkedAggregate } from './checked-aggregate.js';
import { copiedState } from './copied-state.js';
import type { DecideContext } from './decide-context.js';

/** A class of aggregates: with its aggregate type and its events, and made without arguments. */
export interface AggregateClass<Instance extends AnyInstance, Types extends PayloadTypes> {
  readonly type: string;
  readonly events: EventTypeRegistry<Types>;
  new (): Instance;
}

/** A command of an aggregate in the class style. */
export interface CommandMethod<Instance, Types extends PayloadTypes, Codec> extends CommandRules<Codec> {
  /** Calls a method, which raises what the command comes to; may give what else that rests on. */
  handle(
    aggregate: Instance,
    data: DataOutput<Codec>,
    context: DecideContext<Types>,
  ): void | DecisionGuards | Promise<void | DecisionGuards>;
}

export interface AggregateClassOptions<Instance, Types extends PayloadTypes, Codecs extends DataCodecs> {
  /** By command type. */
  readonly commands: { readonly [Name in keyof Codecs]: CommandMethod<Instance, Types, Codecs[Name]> };
  /**
   * Kept is an object with the instance's fields.
   * @default no snapshots
   */
  readonly snapshots?: SnapshotOptions;
}

/**
 * An aggregate in the class style, on the same machinery as one in the decider style. Throws `TypeError`, which names the
 * type, for what does not hold together.
 *
 * @example
 * const account = defineAggregateClass(Account, {
 *   commands: {
 *     Deposit: { data: json<{ amount: number }>(), handle: (account, { amount }) => account.deposit(amount) },
 *   },
 * });
 */
export function defineAggregateClass<
  Instance extends AnyInstance,
  Types extends PayloadTypes,
  const Codecs extends DataCodecs,
>(
  aggregateClass: AggregateClass<Instance, Types>,
  options: AggregateClassOptions<Instance, Types, Codecs>,
): Aggregate<Instance, Types, Codecs> {
  const { type, events } = aggregateClass as Partial<AggregateClass<Instance, Types>>;
  if (type === undefined || events === undefined || !(aggregateClass.prototype instanceof BaseAggregate))
    throw new TypeError(
      `Class ${(aggregateClass as { readonly name?: string }).name} must extend BaseAggregate and have a static type and static events`,
    );
  const commands = Object.entries<CommandMethod<Instance, Types, DataCodecs[string]>>(options.commands).map(
    ([name, method]) => [name, { ...method, decide: decideBy(name, method) }] as const,
  );
  return checkedAggregate<Instance, Types, Codecs>({
    type,
    events,
    commands: Object.fromEntries(commands),
    snapshots: options.snapshots,
    initial: () => new aggregateClass(),
    fold: (instance, event) => {
      apply(instance, event);
      return instance;
    },
    run: runOn,
    copy: (instance) => Object.assign(new aggregateClass(), copiedState(fieldsOf(instance), type)),
    toSnapshot: (instance) => fieldsOf(instance),
    fromSnapshot: (kept) => Object.assign(new aggregateClass(), kept),
  });
}

/** The state of an instance: its own fields, but for private ones. */
function fieldsOf(instance: AnyInstance): Record<string, unknown> {
  return Object.fromEntries(Object.entries(instance));
}

function decideBy<Instance extends AnyInstance, Types extends PayloadTypes>(
  commandType: string,
  method: CommandMethod<Instance, Types, DataCodecs[string]>,
): AggregateCommand<Instance>['decide'] {
  if (typeof method.handle !== 'function')
    throw new TypeError(`Command type ${JSON.stringify(commandType)} has no handler`);
  return (instance, data, context) =>
    runOn(
      instance,
      (own, how) => method.handle(own, data as never, how as unknown as DecideContext<Types>),
      context,
    );
}

async function runOn<Instance extends AnyInstance, Types extends PayloadTypes>(
  instance: Instance,
  update: Update<Instance, Types>,
  context: DecideContext<Types>,
): Promise<Decision> {
  begin(instance, context);
  const guards = (await update(instance, context)) as DecisionGuards | undefined;
  return { ...guards, events: [...raised(instance)] };
}
