import type { Event, Microseconds, NewEvent } from '../core/event.js';
import { DEFAULT_CONTENT_TYPE } from '../core/event.js';
import type { EventTypeRegistry, PayloadTypes, TypedEvent } from '../core/event-types.js';
import type { StreamId } from '../core/stream.js';
import { type EventTypesOf, foldable } from './aggregate.js';

/** What an aggregate does with its events: one function for each event type. */
export type Appliers<Types extends PayloadTypes> = {
  readonly [Type in keyof Types & string]: (event: TypedEvent<Type, Types[Type]['output']>) => void;
};

/** Where an instance stands while a command is carried out on it. */
interface Standing {
  readonly aggregate: StreamId;
  readonly version: bigint;
  readonly now: Microseconds;
}

/** What the machinery does with an instance, and nobody else. */
let applyTo: (instance: AnyInstance, event: Event) => void;
let beginOn: (instance: AnyInstance, standing: Standing) => void;
let raisedBy: (instance: AnyInstance) => readonly NewEvent[];
let raiseOn: (instance: AnyInstance, event: NewEvent) => void;

/** An instance, of whatever events. */
export abstract class AnyInstance {
  // Private fields, so that they are no state: neither copied nor kept.
  #appliers: Readonly<Record<string, (event: never) => void>> | undefined;
  #standing: Standing | undefined;
  #raised: NewEvent[] = [];

  /** For each event type what it changes. Called once. */
  protected abstract appliers(): object;

  /** As it will stand in the log, but for what only the log gives. */
  #provisional(event: NewEvent): Event {
    const { aggregate, version, now } = this.#standing ?? NOWHERE;
    return {
      eventId: '',
      contentType: DEFAULT_CONTENT_TYPE,
      metadata: {},
      tags: [],
      schemaVersion: 1,
      ...event,
      stream: aggregate,
      version: version + BigInt(this.#raised.length),
      position: 0n,
      recordedAt: now,
    };
  }

  #apply(event: Event): void {
    this.#appliers ??= this.appliers() as Readonly<Record<string, (event: never) => void>>;
    for (const one of foldable(eventsOf(this), event)) this.#appliers[one.eventType]?.(one as never);
  }

  static {
    applyTo = (instance, event) => instance.#apply(event);
    beginOn = (instance, standing) => {
      instance.#standing = standing;
      instance.#raised = [];
    };
    raisedBy = (instance) => instance.#raised;
    raiseOn = (instance, event) => {
      instance.#raised.push(event);
      instance.#apply(instance.#provisional(event));
    };
  }
}

const NOWHERE: Standing = { aggregate: { aggregateType: '', aggregateId: '' }, version: 0n, now: 0n };

function eventsOf(instance: AnyInstance): EventTypeRegistry<PayloadTypes> {
  return (instance.constructor as unknown as { events: EventTypeRegistry<PayloadTypes> }).events;
}

/**
 * An aggregate in the class style: its state is in its fields, its commands are methods that raise events, and only the
 * appliers change fields. Fields hold plain data: what JSON can say, and bigint, Map, Set, Date and bytes; private ones
 * (`#field`) are no state.
 *
 * @example
 * class Account extends BaseAggregate<typeof accountEvents> {
 *   static readonly type = 'Account';
 *   static readonly events = accountEvents;
 *   balance = 0;
 *
 *   protected override appliers(): Appliers<EventTypesOf<typeof accountEvents>> {
 *     return { Deposited: ({ payload }) => { this.balance += payload.amount; } };
 *   }
 *
 *   deposit(amount: number): void {
 *     if (amount <= 0) throw new CommandRejectedError('NOT_POSITIVE', 'The amount must be positive');
 *     this.raise('Deposited', { amount });
 *   }
 * }
 */
export abstract class BaseAggregate<Registry> extends AnyInstance {
  protected abstract override appliers(): Appliers<EventTypesOf<Registry>>;

  /**
   * Something has happened: its applier is called at once, and it is appended when the command is done. Throws
   * `InvalidRequestError` for a payload that its codec refuses.
   */
  protected raise<Type extends keyof EventTypesOf<Registry> & string>(
    type: Type,
    payload: EventTypesOf<Registry>[Type]['input'],
    more: Pick<NewEvent, 'eventId' | 'metadata' | 'tags'> = {},
  ): void {
    raiseOn(this, eventsOf(this).encode(type, payload, more));
  }
}

/** Applies a stored event. */
export function apply(instance: AnyInstance, event: Event): void {
  applyTo(instance, event);
}

/** Says on what the instance now decides. */
export function begin(instance: AnyInstance, standing: Standing): void {
  beginOn(instance, standing);
}

/** What the instance has raised since it began. */
export function raised(instance: AnyInstance): readonly NewEvent[] {
  return raisedBy(instance);
}
