import { create } from '@bufbuild/protobuf';
import {
  DeleteStreamResponseSchema,
  EraseEventsResponseSchema,
  EraseStreamResponseSchema,
  RestoreStreamResponseSchema,
  SetRetentionResponseSchema,
  type StreamChanged as WireStreamChanged,
  TruncateStreamResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Action, Plan } from '../auth/plan.js';
import type { StreamChange } from '../core/stream-changes.js';
import {
  fromWireDeleteStream,
  fromWireEraseEvents,
  fromWireEraseStream,
  fromWireRestoreStream,
  fromWireSetRetention,
  fromWireTruncateStream,
  toWireStreamChanged,
} from '../wire/stream-changes.js';
import type { Rpc } from './register.js';
import type { StoreOf } from './served-namespaces.js';
import { unary } from './unary.js';

type StreamChangePlan = Plan & { readonly change: StreamChange };

/** The RPCs that change a stream: six requests, one method of the store. */
export function streamChanges(storeOf: StoreOf) {
  return {
    deleteStream: change(storeOf, {
      action: 'delete-stream',
      fromWire: fromWireDeleteStream,
      answer: (changed) => create(DeleteStreamResponseSchema, { changed }),
    }),
    restoreStream: change(storeOf, {
      action: 'restore-stream',
      fromWire: fromWireRestoreStream,
      answer: (changed) => create(RestoreStreamResponseSchema, { changed }),
    }),
    truncateStream: change(storeOf, {
      action: 'truncate-stream',
      fromWire: fromWireTruncateStream,
      answer: (changed) => create(TruncateStreamResponseSchema, { changed }),
    }),
    setRetention: change(storeOf, {
      action: 'set-retention',
      fromWire: fromWireSetRetention,
      answer: (changed) => create(SetRetentionResponseSchema, { changed }),
    }),
    eraseStream: change(storeOf, {
      action: 'erase-stream',
      fromWire: fromWireEraseStream,
      answer: (changed) => create(EraseStreamResponseSchema, { changed }),
    }),
    eraseEvents: change(storeOf, {
      action: 'erase-events',
      fromWire: fromWireEraseEvents,
      answer: (changed) => create(EraseEventsResponseSchema, { changed }),
    }),
  };
}

/** How the RPCs differ. */
interface StreamChangeRpc<Request, Answer> {
  readonly action: Action;
  readonly fromWire: (request: Request) => StreamChange;
  readonly answer: (changed: WireStreamChanged) => Answer;
}

function change<Request, Answer>(
  storeOf: StoreOf,
  { action, fromWire, answer }: StreamChangeRpc<Request, Answer>,
): Rpc<'unary', Request, Answer> {
  return unary({
    resolve: (request, caller): StreamChangePlan => {
      const wanted = fromWire(request);
      return { ...caller, action, resources: [{ kind: 'STREAM', stream: wanted.stream }], change: wanted };
    },
    handle: async (plan, signal) =>
      answer(toWireStreamChanged(await storeOf(plan).changeStream(plan.change, { signal }))),
  });
}
