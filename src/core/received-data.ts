import type { NewEvent } from './event.js';

const RECEIVED = Symbol('data as it was received');

type Changed = NewEvent & { readonly [RECEIVED]?: Uint8Array };

/**
 * The event with other data to store, for middleware that changes it. A repeated append is known by the data as it was
 * received, so encrypting with a new nonce each time does not make two events of one.
 */
export function withData(event: NewEvent, data: Uint8Array): NewEvent {
  return { ...event, data, [RECEIVED]: receivedData(event) } as Changed;
}

/** The changed event, still known by the data of the one that it was made of. */
export function receivedAs(event: NewEvent, changed: NewEvent): NewEvent {
  const received = receivedData(event);
  return receivedData(changed) === received ? changed : ({ ...changed, [RECEIVED]: received } as Changed);
}

/** The data by which a repeat is known. */
export function receivedData(event: NewEvent): Uint8Array {
  return (event as Changed)[RECEIVED] ?? event.data;
}
