import { create } from '@bufbuild/protobuf';
import {
  type ExpectedVersion as WireExpectedVersion,
  ExpectedVersionSchema,
} from '../../gen/headwater/v1/expected_version_pb.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { Violations } from '../core/validate.js';

export function toWireExpectedVersion(expected: ExpectedVersion): WireExpectedVersion {
  switch (expected) {
    case 'NO_STREAM':
      return create(ExpectedVersionSchema, { expectation: { case: 'noStream', value: {} } });
    case 'STREAM_EXISTS':
      return create(ExpectedVersionSchema, { expectation: { case: 'streamExists', value: {} } });
    case 'ANY':
      return create(ExpectedVersionSchema, { expectation: { case: 'any', value: {} } });
    default:
      return create(ExpectedVersionSchema, { expectation: { case: 'exact', value: expected } });
  }
}

/** What the caller believes; refused if nothing is set, since silence is never taken for `ANY`. */
export function fromWireExpectedVersion(
  expected: WireExpectedVersion | undefined,
  field: string,
  violations: Violations,
): ExpectedVersion {
  if (expected?.expectation.case === undefined)
    violations.add(field, 'must be set: exact, no_stream, stream_exists or any');
  return readWireExpectedVersion(expected);
}

/** As {@link fromWireExpectedVersion} where the other side is the service, which is believed. */
export function readWireExpectedVersion(expected: WireExpectedVersion | undefined): ExpectedVersion {
  switch (expected?.expectation.case) {
    case 'exact':
      return expected.expectation.value;
    case 'noStream':
      return 'NO_STREAM';
    case 'streamExists':
      return 'STREAM_EXISTS';
    default:
      return 'ANY';
  }
}
