import type { Principal } from '../auth/principal.js';
import type { AppendCondition, ConditionItem } from '../core/append.js';
import type { Microseconds } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import type { EventTypeRegistry, PayloadTypes } from '../core/event-types.js';
import type { StreamId } from '../core/stream.js';
import type { LogPosition } from '../core/subscribe.js';
import { type AggregateEvent, foldable } from './aggregate.js';

/** Which events a decision looks at, in whatever stream: those that match at least one item; at most 16. */
export type Query = ConditionItem | readonly ConditionItem[];

/** What a decision may know and ask, besides the state and the command's data. */
export interface DecideContext<Types extends PayloadTypes = PayloadTypes> {
  readonly aggregate: StreamId;
  /** The version that is decided on; 0 if it is created. */
  readonly version: bigint;
  readonly principal: Principal;
  /** Of the command. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly commandId: string;
  /** When it is decided, in microseconds; the same throughout one decision. */
  readonly now: Microseconds;
  /** A new UUID. */
  newId(): string;
  /**
   * The events that match, oldest first, decoded. Unless the decision says otherwise it holds only if none that matches has
   * come since; if one has, it is decided again. All queries of a decision see the log up to the same position.
   *
   * @example
   * const [taken] = await context.query({ tags: [`email:${email}`] });
   * if (taken) throw new CommandRejectedError('EMAIL_TAKEN', `${email} is taken`, { code: 'ALREADY_EXISTS' });
   */
  query(query: Query): Promise<readonly AggregateEvent<Types>[]>;
  /** The same for events of other aggregates, decoded by their registry. */
  query<Others extends PayloadTypes>(
    query: Query,
    events: EventTypeRegistry<Others>,
  ): Promise<readonly AggregateEvent<Others>[]>;
}

/** Reads for the decisions of one try, and remembers what it has read up to where. */
export class Queries {
  readonly #store: Pick<EventStore, 'load'>;
  readonly #signal: AbortSignal;
  readonly #items: ConditionItem[] = [];
  #after: LogPosition | undefined;

  constructor(store: Pick<EventStore, 'load'>, signal: AbortSignal) {
    this.#store = store;
    this.#signal = signal;
  }

  async query<Types extends PayloadTypes>(
    query: Query,
    events: EventTypeRegistry<Types>,
  ): Promise<readonly AggregateEvent<Types>[]> {
    const items = Array.isArray(query) ? (query as readonly ConditionItem[]) : [query as ConditionItem];
    if (items.length === 0) throw new TypeError('A query needs at least one item');
    this.#items.push(...items);
    // The first one reads up to the head and so fixes for the others how far they see.
    const bound = this.#after?.position;
    if (bound === 0n) return [];
    const filters =
      bound === undefined ? items : items.map((item) => ({ ...item, positions: { last: bound } }));
    const found: AggregateEvent<Types>[] = [];
    let read: LogPosition = { position: 0n };
    for await (const page of this.#store.load({ filters }, { signal: this.#signal })) {
      read = { position: page.scannedTo, epoch: page.epoch };
      for (const event of page.events) found.push(...foldable(events, event));
    }
    // Of several that were begun side by side the one that has read least decides.
    if (this.#after === undefined || read.position < this.#after.position) this.#after = read;
    return found;
  }

  /** Nothing that was asked for has come since it was read; `undefined` if nothing was asked for. */
  get condition(): AppendCondition | undefined {
    return this.#after === undefined ? undefined : { items: [...this.#items], after: this.#after };
  }
}
