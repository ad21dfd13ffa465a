import type { Command } from '../core/command.js';
import type { EventStore } from '../core/event-store.js';
import type { PayloadTypes } from '../core/event-types.js';
import type { Runtime } from '../core/runtime.js';
import type {
  Aggregate,
  AggregateCommand,
  CommandRules,
  DataCodec,
  DataCodecs,
  DataInput,
  DataOutput,
  Decision,
} from './aggregate.js';
import { checkedRules } from './checked-aggregate.js';
import { encodeData } from './command-data.js';
import type { DecideContext } from './decide-context.js';
import type { CommandTypeInfo } from './decider.js';
import type { CommandMiddleware } from './middleware.js';
import type { RegisteredCommand } from './registered-command.js';

/** A command that is registered beside those of its aggregate; its handler may be set later. */
export interface CommandRegistration<State, Types extends PayloadTypes, Codec> extends CommandRules<Codec> {
  /** @default it is set by `setHandler` before the start */
  readonly decide?: CommandDecide<State, Types, Codec>;
}

/** What a command comes to, as in `defineAggregate`; an instance of a class is its own to change, and no event is raised. */
export type CommandDecide<State, Types extends PayloadTypes, Codec> = (
  state: State,
  data: DataOutput<Codec>,
  context: DecideContext<Types>,
) => Decision | Promise<Decision>;

/** A command to be made, but for its type and data. */
export type CommandParts = Omit<Command, 'commandType' | 'data'>;

/** What the middleware of a domain may work with. */
export interface MiddlewareParts {
  readonly store: EventStore;
  readonly runtime: Runtime;
}

interface Registered {
  readonly aggregate: Aggregate;
  readonly rules: Required<CommandRules<DataCodec>>;
  decide: AggregateCommand['decide'] | undefined;
}

/**
 * The aggregates and the command types of a domain. What is wrong with them is said when they are registered or, at the
 * latest, at the start, with the name of the type.
 *
 * @example
 * const registry = new CommandRegistry().register(account).register(transfer);
 * await bus.execute(registry.create('Deposit', { amount: 10 }, { aggregateId: 'a-1' }));
 */
export class CommandRegistry {
  readonly #aggregates = new Map<string, Aggregate>();
  readonly #commands = new Map<string, Registered>();
  readonly #middleware: ((parts: MiddlewareParts) => CommandMiddleware)[] = [];

  /** An aggregate with its commands. Throws `TypeError` if it, or a command type of it, is registered already. */
  register<State, Types extends PayloadTypes, Codecs extends DataCodecs>(
    aggregate: Aggregate<State, Types, Codecs>,
  ): this {
    const any = aggregate as unknown as Aggregate;
    if (this.#aggregates.has(any.type))
      throw new TypeError(`Aggregate type ${JSON.stringify(any.type)} is registered twice`);
    for (const name of Object.keys(any.commands)) this.#refuseTwice(name);
    this.#aggregates.set(any.type, any);
    for (const [name, command] of Object.entries(any.commands))
      this.#commands.set(name, {
        aggregate: any,
        rules: command,
        decide: (state, data, context) => command.decide(state, data, context),
      });
    return this;
  }

  /**
   * Middleware around all commands of the domain, wherever it runs: in a service once for each namespace. It stands outside
   * of the policies, which look at what it hands on; the first is outermost.
   *
   * @example
   * registry.useMiddleware(({ store }) => (next) => async (handled, signal) => next(handled, signal));
   */
  useMiddleware(make: (parts: MiddlewareParts) => CommandMiddleware): this {
    this.#middleware.push(make);
    return this;
  }

  /** The middleware for a store. */
  middlewareFor(parts: MiddlewareParts): readonly CommandMiddleware[] {
    return this.#middleware.map((make) => make(parts));
  }

  /**
   * A command type of an aggregate that is registered. Throws `TypeError` for an empty name, a type that is registered
   * already, an aggregate that is not, and data without a codec.
   */
  registerCommand<State, Types extends PayloadTypes, Codec extends DataCodec>(
    aggregate: Pick<Aggregate<State, Types>, 'type'>,
    commandType: string,
    registration: CommandRegistration<State, Types, Codec>,
  ): this {
    const rules = checkedRules(commandType, registration);
    this.#refuseTwice(commandType);
    const known = this.#aggregates.get(aggregate.type);
    if (known === undefined)
      throw new TypeError(
        `Command type ${JSON.stringify(commandType)} is of the aggregate type ${JSON.stringify(aggregate.type)}, which is not registered`,
      );
    const decide = registration.decide as AggregateCommand['decide'] | undefined;
    this.#commands.set(commandType, { aggregate: known, rules, decide });
    return this;
  }

  /** Who decides a command type from now on. Throws `TypeError` for a type that is not registered. */
  setHandler<
    State,
    Types extends PayloadTypes,
    Codecs extends DataCodecs,
    Name extends keyof Codecs & string,
  >(
    _aggregate: Aggregate<State, Types, Codecs>,
    commandType: Name,
    decide: CommandDecide<State, Types, Codecs[Name]>,
  ): this;
  setHandler<State, Types extends PayloadTypes>(
    _aggregate: Pick<Aggregate<State, Types>, 'type'>,
    commandType: string,
    decide: CommandDecide<State, Types, DataCodec>,
  ): this;
  setHandler({ type }: { readonly type: string }, commandType: string, decide: unknown): this {
    const registered = this.#commands.get(commandType);
    if (registered?.aggregate.type !== type)
      throw new TypeError(
        `Command type ${JSON.stringify(commandType)} is not registered for the aggregate type ${JSON.stringify(type)}`,
      );
    registered.decide = decide as AggregateCommand['decide'];
    return this;
  }

  /**
   * A command to send. Throws `TypeError` for a type that is not registered, and `InvalidRequestError` with paths like
   * `data.owner` for a payload that its codec refuses. {@link commandOf} knows what the payload must be.
   */
  create(commandType: string, payload: unknown, parts: CommandParts = {}): Command {
    const registered = this.#commands.get(commandType);
    if (registered === undefined)
      throw new TypeError(`Command type ${JSON.stringify(commandType)} is not registered`);
    return { ...parts, commandType, data: encodeData(registered.rules.data, payload) };
  }

  /** The command types, by name. */
  list(): readonly CommandTypeInfo[] {
    return [...this.#commands]
      .map(
        ([
          commandType,
          {
            aggregate,
            rules: { existence, policies },
          },
        ]) => ({
          commandType,
          aggregateType: aggregate.type,
          existence,
          policies,
        }),
      )
      .sort((one, other) => (one.commandType < other.commandType ? -1 : 1));
  }

  /** The aggregate types, by name. */
  get aggregates(): ReadonlyMap<string, Aggregate> {
    return this.#aggregates;
  }

  /** All that is needed to decide, by command type. Throws `TypeError`, which names it, for one without handler. */
  checked(): ReadonlyMap<string, RegisteredCommand> {
    return new Map(
      this.list().map((info) => {
        const { aggregate, rules, decide } = this.#commands.get(info.commandType) as Registered;
        if (decide === undefined)
          throw new TypeError(`Command type ${JSON.stringify(info.commandType)} has no handler`);
        return [info.commandType, { ...info, aggregate, data: rules.data, decide }];
      }),
    );
  }

  #refuseTwice(commandType: string): void {
    const registered = this.#commands.get(commandType);
    if (registered !== undefined)
      throw new TypeError(
        `Command type ${JSON.stringify(commandType)} is registered twice, for ${registered.aggregate.type}`,
      );
  }
}

/**
 * A command to send, of an aggregate's own types, so that a wrong payload does not compile. Throws `InvalidRequestError`.
 *
 * @example
 * commandOf(account, 'Deposit', { amount: 10 }, { aggregateId: 'a-1' });
 */
export function commandOf<
  State,
  Types extends PayloadTypes,
  Codecs extends DataCodecs,
  Name extends keyof Codecs & string,
>(
  aggregate: Aggregate<State, Types, Codecs>,
  commandType: Name,
  payload: DataInput<Codecs[Name]>,
  parts: CommandParts = {},
): Command {
  return { ...parts, commandType, data: encodeData(aggregate.commands[commandType].data, payload) };
}
