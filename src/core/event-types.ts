import type { Event, NewEvent } from './event.js';
import {
  checkedEventType,
  type EventTypeDefinition,
  type RegisteredEventType,
  type RetiredEventType,
} from './event-type-definition.js';
import { PayloadDecoder } from './payload-decoder.js';

/** What an event type takes when it is encoded, and gives when it is decoded. */
export interface PayloadType<Input = unknown, Output = Input> {
  readonly input: Input;
  readonly output: Output;
}

/** By event type. */
export type PayloadTypes = Readonly<Record<string, PayloadType>>;

/** An event with its payload. `eventType` and `schemaVersion` are the newest; `data` and `contentType` are as stored. */
export interface TypedEvent<Type extends string = string, Payload = unknown> extends Event {
  readonly eventType: Type;
  readonly payload: Payload;
  readonly erased?: never;
}

/** An event without a payload: erased, or one of the store's own (`$…`), or of a type that nobody registered. */
export interface PassedEvent extends Event {
  readonly payload: undefined;
}

/** Whatever decoding may give; those with a payload are told apart by `eventType`. */
export type DecodedEvent<Types extends PayloadTypes> =
  | { [Type in keyof Types & string]: TypedEvent<Type, Types[Type]['output']> }[keyof Types & string]
  | PassedEvent;

/** The events that a registry gives: `type AccountEvent = DecodedBy<typeof accountEvents>`. */
export type DecodedBy<Registry extends { decode(event: Event): unknown }> = ReturnType<Registry['decode']>;

/** What a registry does about the unknown. */
export interface EventTypesOptions {
  /**
   * Whether an event of a type that nobody registered fails with `UnknownEventTypeError`, or passes without a payload.
   * @default "throw"
   */
  readonly unknown?: 'throw' | 'pass';
}

/**
 * A registry without event types, to register them in.
 *
 * @example
 * const accountEvents = eventTypes()
 *   .register('AccountOpened', { codec: json<{ owner: string }>() })
 *   .register('Deposited', { codec: json<{ amount: number }>() });
 */
export function eventTypes(options: EventTypesOptions = {}): EventTypeRegistry<Record<never, PayloadType>> {
  return new EventTypeRegistry(new Map(), options);
}

/**
 * The event types of an application: how their payloads are written, and how those that were written in an older shape are
 * read in the newest one. Immutable; registering gives a new registry. It belongs to the application: the store keeps
 * bytes and knows nothing of it.
 */
export class EventTypeRegistry<Types extends PayloadTypes> {
  readonly #types: ReadonlyMap<string, RegisteredEventType>;
  readonly #options: EventTypesOptions;
  readonly #decoder: PayloadDecoder;

  constructor(types: ReadonlyMap<string, RegisteredEventType>, options: EventTypesOptions) {
    this.#types = types;
    this.#options = options;
    this.#decoder = new PayloadDecoder(types, options.unknown ?? 'throw');
  }

  /**
   * The same registry with one type more. Throws `TypeError` or `RangeError` for a name that events cannot have, a type
   * that is registered already, a schema version below 1, and if a step from an older version is missing.
   */
  register<Type extends string, Input, Output>(
    type: Type,
    definition: EventTypeDefinition<Input, Output>,
  ): EventTypeRegistry<Types & Record<Type, PayloadType<Input, Output>>> {
    return this.#with(checkedEventType(type, { ...definition, retired: false }));
  }

  /**
   * The same registry with a type that is not written any more: every schema version of it has an upcaster, and the last
   * one says with `into` what it is now. Throws as `register` does.
   */
  retire(type: string, definition: RetiredEventType): EventTypeRegistry<Types> {
    return this.#with(checkedEventType(type, { ...definition, retired: true }));
  }

  /**
   * An event to append. Throws `InvalidRequestError` with paths like `data.owner` for a payload that its codec refuses,
   * and `TypeError` for a type that is not registered.
   */
  encode<Type extends keyof Types & string>(
    type: Type,
    payload: Types[Type]['input'],
    more: Pick<NewEvent, 'eventId' | 'metadata' | 'tags'> = {},
  ): NewEvent {
    const registered = this.#types.get(type);
    if (registered?.codec === undefined)
      throw new TypeError(
        `Event type ${JSON.stringify(type)} is ${registered ? 'retired' : 'not registered'}, so it cannot be written`,
      );
    const { codec, schemaVersion } = registered;
    return {
      ...more,
      eventType: type,
      data: codec.encode(payload as never),
      contentType: codec.contentType,
      schemaVersion,
    };
  }

  /**
   * The event with its payload in the newest shape. Throws `PayloadError`; of it `UnknownEventTypeError` and
   * `SchemaVersionTooNewError`. An event that upcasters make several or none of needs {@link decodeEach}.
   */
  decode(event: Event): DecodedEvent<Types> {
    return this.#decoder.decodeOne(event) as DecodedEvent<Types>;
  }

  /** What the stored event has become: mostly one event, several or none if an upcaster says so. Throws `PayloadError`. */
  decodeEach(event: Event): readonly DecodedEvent<Types>[] {
    return this.#decoder.decode(event) as readonly DecodedEvent<Types>[];
  }

  /**
   * The pages of a load or the messages of a subscription, each with its events decoded, as they come. Ends with a
   * `PayloadError` at the first page with an event that cannot be decoded; none of that page is given.
   *
   * @example
   * for await (const event of eventsOf(accountEvents.decodeAll(store.load({})))) console.log(event.payload);
   */
  async *decodeAll<Page extends { readonly events: readonly Event[] }>(
    pages: AsyncIterable<Page>,
  ): AsyncGenerator<
    Omit<Page, 'events'> & { readonly events: readonly DecodedEvent<Types>[] },
    void,
    undefined
  > {
    for await (const page of pages)
      yield { ...page, events: page.events.flatMap((event) => this.decodeEach(event)) };
  }

  #with<More extends PayloadTypes>(registered: RegisteredEventType): EventTypeRegistry<More> {
    const { type } = registered;
    if (this.#types.has(type)) throw new TypeError(`Event type ${JSON.stringify(type)} is registered twice`);
    return new EventTypeRegistry<More>(new Map(this.#types).set(type, registered), this.#options);
  }
}
