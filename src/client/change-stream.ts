import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import {
  EventStoreService,
  type StreamChanged as WireStreamChanged,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import { InternalError } from '../core/errors.js';
import type { StreamChange, StreamChanged } from '../core/stream-changes.js';
import {
  fromWireStreamChanged,
  toWireDeleteStream,
  toWireEraseEvents,
  toWireEraseStream,
  toWireRestoreStream,
  toWireSetRetention,
  toWireTruncateStream,
} from '../wire/stream-changes.js';
import { ask, type AskOptions, type AskParts } from './ask.js';

type Changed = { readonly changed?: WireStreamChanged | undefined };

/**
 * One change of a stream by the RPC of its kind, with an event id that is made before the first try, so that a change
 * whose answer was lost is not made twice.
 */
export async function changeStream(
  parts: AskParts,
  change: StreamChange,
  options: AskOptions,
): Promise<StreamChanged> {
  const identified = { ...change, eventId: change.eventId ?? parts.runtime.newEventId() };
  const { changed } = await send(parts, identified, options);
  if (changed === undefined)
    throw new InternalError('without an id', { cause: new Error('The answer is empty'), outcome: 'UNKNOWN' });
  return fromWireStreamChanged(changed);
}

function send(parts: AskParts, change: StreamChange, options: AskOptions): Promise<Changed> {
  const { method } = EventStoreService;
  const call = <Input extends DescMessage, Output extends DescMessage>(
    rpc: DescMethodUnary<Input, Output>,
    request: MessageShape<Input>,
  ) => ask(parts, rpc, request, options);
  switch (change.kind) {
    case 'DELETE':
      return call(method.deleteStream, toWireDeleteStream(change));
    case 'RESTORE':
      return call(method.restoreStream, toWireRestoreStream(change));
    case 'TRUNCATE':
      return call(method.truncateStream, toWireTruncateStream(change));
    case 'SET_RETENTION':
      return call(method.setRetention, toWireSetRetention(change));
    case 'ERASE':
      return call(method.eraseStream, toWireEraseStream(change));
    case 'ERASE_EVENTS':
      return call(method.eraseEvents, toWireEraseEvents(change));
  }
}
