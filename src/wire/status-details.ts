import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Status, StatusSchema } from '../../gen/google/rpc/status_pb.js';
import type { HeadwaterError } from '../core/errors.js';
import { type BareStatus, bareStatusError } from './bare-status.js';
import { fromWireStatus } from './errors.js';

/** The trailer in which a google.rpc.Status travels, by agreement of all gRPC libraries. */
export const STATUS_DETAILS_KEY = 'grpc-status-details-bin';

export function toStatusDetails(status: Status): Buffer {
  return Buffer.from(toBinary(StatusSchema, status));
}

/** The typed error of a call that failed, from its code, message and trailer. */
export function fromStatusDetails(bare: BareStatus, details: Uint8Array | undefined): HeadwaterError {
  if (details === undefined) return bareStatusError(bare);
  try {
    return fromWireStatus(fromBinary(StatusSchema, details));
  } catch {
    // Not a google.rpc.Status: somebody else's trailer.
    return bareStatusError(bare);
  }
}
