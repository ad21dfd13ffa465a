import { create } from '@bufbuild/protobuf';
import {
  type GetLogResponse as WireGetLogResponse,
  GetLogResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { LogInfo } from '../core/stream-list.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

export function toWireLogInfo(log: LogInfo): WireGetLogResponse {
  return create(GetLogResponseSchema, {
    position: log.position,
    epoch: log.epoch,
    bytes: log.bytes,
    ...(log.oldest === undefined ? {} : { oldest: toWireTimestamp(log.oldest) }),
    ...(log.newest === undefined ? {} : { newest: toWireTimestamp(log.newest) }),
    epochs: log.epochs.map(({ epoch, startedAfterPosition }) => ({ epoch, startedAfterPosition })),
  });
}

export function fromWireLogInfo(log: WireGetLogResponse): LogInfo {
  return {
    position: log.position,
    epoch: log.epoch,
    bytes: log.bytes,
    oldest: log.oldest ? readWireTimestamp(log.oldest) : undefined,
    newest: log.newest ? readWireTimestamp(log.newest) : undefined,
    epochs: log.epochs.map(({ epoch, startedAfterPosition }) => ({ epoch, startedAfterPosition })),
  };
}
