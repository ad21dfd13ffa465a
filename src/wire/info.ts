import { create } from '@bufbuild/protobuf';
import { type GetInfoResponse, GetInfoResponseSchema } from '../../gen/headwater/v1/info_service_pb.js';
import type { Microseconds } from '../core/event.js';
import type { Limits } from '../core/limits.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

/** What answers at an address. */
export interface ServiceInfo {
  /** Of Headwater, for example `0.1.0`. */
  readonly version: string;
  /** The namespace that is served: the name of the Postgres schema. */
  readonly namespace: string;
  /** Of the database, for example `18.4`. */
  readonly postgresVersion: string;
  readonly startedAt: Microseconds;
  /** What a request may hold. */
  readonly limits: Limits;
}

export function toWireInfo(info: ServiceInfo): GetInfoResponse {
  return create(GetInfoResponseSchema, {
    version: info.version,
    namespace: info.namespace,
    postgresVersion: info.postgresVersion,
    startedAt: toWireTimestamp(info.startedAt),
    limits: {
      eventDataBytes: BigInt(info.limits.eventDataBytes),
      eventMetadataBytes: BigInt(info.limits.eventMetadataBytes),
      eventTags: info.limits.eventTags,
      appendEvents: info.limits.appendEvents,
      appendBytes: BigInt(info.limits.appendBytes),
    },
  });
}

export function fromWireInfo(info: GetInfoResponse): ServiceInfo {
  return {
    version: info.version,
    namespace: info.namespace,
    postgresVersion: info.postgresVersion,
    startedAt: info.startedAt ? readWireTimestamp(info.startedAt) : 0n,
    limits: {
      eventDataBytes: Number(info.limits?.eventDataBytes ?? 0n),
      eventMetadataBytes: Number(info.limits?.eventMetadataBytes ?? 0n),
      eventTags: info.limits?.eventTags ?? 0,
      appendEvents: info.limits?.appendEvents ?? 0,
      appendBytes: Number(info.limits?.appendBytes ?? 0n),
    },
  };
}
