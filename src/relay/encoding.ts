import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from '../../gen/headwater/v1/event_pb.js';
import type { Event } from '../core/event.js';
import { fromWireEvent, toWireEvent } from '../wire/event.js';
import { CLOUD_EVENT_TYPE, type CloudEventContext, fromCloudEvent, toCloudEvent } from './cloud-event.js';
import { UndecodableMessageError } from './relay-error.js';

/** How an event stands in a message: CloudEvents 1.0 as JSON, or the bytes of `headwater.v1.Event`. */
export type RelayEncoding = 'cloudevents' | 'protobuf';

/** What `headwater.v1.Event` is called in a message. */
export const PROTOBUF_EVENT_TYPE = 'application/protobuf; message=headwater.v1.Event';

/** A message's body, and what tells its encoding. */
export interface EncodedEvent {
  readonly contentType: string;
  readonly body: Uint8Array;
}

export function encodeEvent(event: Event, encoding: RelayEncoding, context: CloudEventContext): EncodedEvent {
  return encoding === 'cloudevents'
    ? { contentType: CLOUD_EVENT_TYPE, body: toCloudEvent(event, context) }
    : { contentType: PROTOBUF_EVENT_TYPE, body: toBinary(EventSchema, toWireEvent(event)) };
}

/** The event of a message in either encoding. Throws `UndecodableMessageError`. */
export function decodeEvent({ contentType, body }: EncodedEvent): Event {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/cloudevents+json') return fromCloudEvent(body);
  if (type === 'application/protobuf') return fromProtobuf(body);
  throw new UndecodableMessageError(`its content type ${JSON.stringify(contentType)} is none of a relay's`);
}

function fromProtobuf(body: Uint8Array): Event {
  try {
    const event = fromBinary(EventSchema, body);
    if (event.eventId !== '' && event.stream !== undefined) return fromWireEvent(event);
  } catch (error) {
    throw new UndecodableMessageError('its bytes are no headwater.v1.Event', { cause: error });
  }
  throw new UndecodableMessageError('it has no event id, or no stream');
}
