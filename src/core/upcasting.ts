import type { Event } from './event.js';
import type { PayloadCodec } from './payload-codec.js';

/**
 * Brings a payload from one schema version to the next. Gives the new payload, or with {@link into} other events in place
 * of this one: of another type, several, or none. Pure: the same event must always become the same.
 *
 * @param payload as parsed, or as the upcaster before has left it
 * @param event as it is stored
 */
export type Upcaster = (payload: never, event: Event) => unknown;

/** An upcaster whose payloads were written with another codec than those of the newest schema version. */
export interface UpcastStep {
  readonly codec: Pick<PayloadCodec<never, unknown>, 'parse'>;
  readonly upcast: Upcaster;
}

/** By the schema version that they take. */
export type Upcasters = Readonly<Record<number, Upcaster | UpcastStep>>;

/** An event that takes the place of the stored one. */
export interface UpcastEvent {
  readonly eventType: string;
  /** The version of the payload's shape; what is not the newest is upcast further. */
  readonly schemaVersion: number;
  readonly payload: unknown;
}

/** What an upcaster gives that does not just change the payload. */
export class Upcast {
  constructor(readonly events: readonly UpcastEvent[]) {}
}

/**
 * The stored event becomes these instead: one of another type, several, or none. All have the position, the version and
 * the id of the stored one.
 *
 * @example
 * const renamed = (payload: { name: string }) =>
 *   into({ eventType: 'AccountOpened', schemaVersion: 1, payload: { owner: payload.name } });
 */
export function into(...events: readonly UpcastEvent[]): Upcast {
  return new Upcast(events);
}
