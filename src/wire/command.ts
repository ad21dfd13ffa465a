import { create } from '@bufbuild/protobuf';
import {
  type ExecuteRequest as WireExecuteRequest,
  ExecuteRequestSchema,
  type ExecuteResponse as WireExecuteResponse,
  ExecuteResponseSchema,
} from '../../gen/headwater/v1/command_service_pb.js';
import type { Command, CommandData, Executed } from '../core/command.js';
import { Violations } from '../core/validate.js';
import { fromWireExpectedVersion, toWireExpectedVersion } from './expected-version.js';
import { readWireStream, toWireStream } from './stream.js';

/** What stands in front of a message's name in a `google.protobuf.Any`. */
export const ANY_PREFIX = 'type.googleapis.com/';

export function toWireCommand(command: Command): WireExecuteRequest {
  const { commandId = '', commandType, aggregateId = '', data, metadata = {}, expectedVersion } = command;
  return create(ExecuteRequestSchema, {
    commandId,
    commandType,
    aggregateId,
    data:
      data.kind === 'JSON'
        ? { case: 'json', value: data.bytes }
        : { case: 'message', value: { typeUrl: `${ANY_PREFIX}${data.typeName}`, value: data.bytes } },
    metadata: { ...metadata },
    ...(expectedVersion === undefined ? {} : { expectedVersion: toWireExpectedVersion(expectedVersion) }),
  });
}

/** The command, its data copied; throws `InvalidRequestError` for what is unset. Its names are looked at elsewhere. */
export function fromWireCommand(request: WireExecuteRequest): Command {
  const violations = new Violations();
  const data = fromWireData(request.data, violations);
  const { aggregateId, commandId, commandType, expectedVersion: expected, metadata } = request;
  const expectedVersion = expected && fromWireExpectedVersion(expected, 'expected_version', violations);
  violations.throwIfAny();
  return {
    ...(commandId === '' ? {} : { commandId }),
    commandType,
    ...(aggregateId === '' ? {} : { aggregateId }),
    data,
    metadata,
    ...(expectedVersion === undefined ? {} : { expectedVersion }),
  };
}

function fromWireData(data: WireExecuteRequest['data'], violations: Violations): CommandData {
  switch (data.case) {
    case 'json':
      return { kind: 'JSON', bytes: Buffer.from(data.value) };
    case 'message': {
      const { typeUrl, value } = data.value;
      const typeName = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
      if (typeName === '') violations.add('message.type_url', 'must name the type of the message');
      return { kind: 'MESSAGE', typeName, bytes: Buffer.from(value) };
    }
    default:
      violations.add('data', 'must be set: message, or json, for example {}');
      return { kind: 'JSON', bytes: Buffer.alloc(0) };
  }
}

export function toWireExecuted(executed: Executed): WireExecuteResponse {
  return create(ExecuteResponseSchema, {
    aggregate: toWireStream(executed.aggregate),
    version: executed.version,
    position: executed.position,
    epoch: executed.epoch,
    commandId: executed.commandId,
    eventIds: [...executed.eventIds],
    deduplicated: executed.deduplicated,
  });
}

export function fromWireExecuted(executed: WireExecuteResponse): Executed {
  return {
    aggregate: readWireStream(executed.aggregate),
    version: executed.version,
    position: executed.position,
    epoch: executed.epoch,
    commandId: executed.commandId,
    eventIds: executed.eventIds,
    deduplicated: executed.deduplicated,
  };
}
