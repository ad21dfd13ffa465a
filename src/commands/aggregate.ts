import type { Policy } from '../auth/policy.js';
import type { AppendCondition } from '../core/append.js';
import type { Existence } from '../core/command.js';
import type { Event, NewEvent } from '../core/event.js';
import type { EventTypeRegistry, PayloadTypes, TypedEvent } from '../core/event-types.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { PayloadCodec } from '../core/payload-codec.js';
import type { StreamId } from '../core/stream.js';
import type { DecideContext } from './decide-context.js';

/** What an aggregate is folded from: events with a payload. Those of the store and erased ones are not among them. */
export type AggregateEvent<Types extends PayloadTypes> = {
  [Type in keyof Types & string]: TypedEvent<Type, Types[Type]['output']>;
}[keyof Types & string];

/** The event types of a registry: `EventTypesOf<typeof accountEvents>`. */
export type EventTypesOf<Registry> = Registry extends EventTypeRegistry<infer Types> ? Types : never;

/** How the data of commands are written. */
export type DataCodec = PayloadCodec<never, unknown>;
/** By command type. */
export type DataCodecs = Readonly<Record<string, DataCodec>>;
/** What a codec takes. */
export type DataInput<Codec> = Codec extends PayloadCodec<infer Input, unknown> ? Input : never;
/** What a codec gives. */
export type DataOutput<Codec> = Codec extends PayloadCodec<never, infer Output> ? Output : never;

/** What a command asks for, and who may send it. */
export interface CommandRules<Codec> {
  /** How its data are written: `json<…>()`, `json(schema)` or `protobuf(Schema)`. */
  readonly data: Codec;
  /** @default "ANY" */
  readonly existence?: Existence;
  /**
   * It may be sent if any of these allows it.
   * @default none: nobody may, unless everybody may do everything
   */
  readonly policies?: readonly Policy[];
}

/** What else a decision rests on. */
export interface DecisionGuards {
  /**
   * What must not have happened meanwhile; `QUERIED`: nothing that a query of this decision would have found, after what
   * it has read; `NONE`: whatever was queried does not matter.
   * @default "QUERIED"
   */
  readonly condition?: AppendCondition | 'QUERIED' | 'NONE';
  /**
   * Other streams that must be at these versions.
   * @default none
   */
  readonly checks?: readonly { readonly stream: StreamId; readonly expectedVersion: ExpectedVersion }[];
}

/** What a command comes to: events, made by `events.encode(…)`, and perhaps on what that rests. */
export type Decision = readonly NewEvent[] | (DecisionGuards & { readonly events: readonly NewEvent[] });

/**
 * What is to happen to an aggregate: in the decider style it gives events, in the class style it calls methods that raise
 * them, and may give what else that rests on.
 */
export type Update<State, Types extends PayloadTypes = PayloadTypes> = (
  state: State,
  context: DecideContext<Types>,
) => Decision | DecisionGuards | void | Promise<Decision | DecisionGuards | void>;

/** A command of an aggregate, whatever the style in which it was written. */
export interface AggregateCommand<State = unknown> extends Required<CommandRules<DataCodec>> {
  /** Decides on a state that is its own to change. Pure but for its context. */
  decide(state: State, data: unknown, context: DecideContext): Decision | Promise<Decision>;
}

/** How states are kept, so that reading an aggregate need not begin with its first event. */
export interface SnapshotOptions<Kept = unknown> {
  /** A snapshot is kept whenever so many events have come since the last one; from 1. */
  readonly every: number;
  /** @default JSON, on trust */
  readonly codec?: PayloadCodec<Kept, Kept>;
  /**
   * Raise it when the shape of the state, or what the fold makes of the events, changes: snapshots of another version are
   * not used.
   * @default 1
   */
  readonly schemaVersion?: number;
}

/**
 * An aggregate type, whatever the style in which it was written: how its state is folded, and what commands it knows.
 * Made by `defineAggregate` and `defineAggregateClass`.
 */
export interface Aggregate<
  State = unknown,
  Types extends PayloadTypes = PayloadTypes,
  Codecs extends DataCodecs = DataCodecs,
> {
  readonly type: string;
  readonly events: EventTypeRegistry<Types>;
  readonly commands: {
    readonly [Name in keyof Codecs]: AggregateCommand<State> & { readonly data: Codecs[Name] };
  };
  readonly snapshots: Required<SnapshotOptions> | undefined;
  initial(): State;
  /** The state with one event more; may change the state that it is given. Throws `PayloadError`. */
  fold(state: State, event: Event): State;
  /** Has a function decide on a state that is its own. */
  run(state: State, update: Update<State, Types>, context: DecideContext<Types>): Promise<Decision>;
  /** The state for somebody who may change it; the same where states never change. */
  copy(state: State): State;
  /** What is kept of a state in a snapshot. */
  toSnapshot(state: State): unknown;
  fromSnapshot(kept: unknown): State;
}

/** What a fold sees of a stored event. */
export function foldable<Types extends PayloadTypes>(
  events: EventTypeRegistry<Types>,
  event: Event,
): readonly AggregateEvent<Types>[] {
  // What passes without a payload is the store's own, or erased, or of a type that the registry lets pass.
  return events.decodeEach(event).filter(({ payload }) => payload !== undefined) as AggregateEvent<Types>[];
}
