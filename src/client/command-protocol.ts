import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CommandService,
  ExecuteStreamResponseSchema,
  PipelinedCommandSchema,
} from '../../gen/headwater/v1/command_service_pb.js';
import type { Command, Executed } from '../core/command.js';
import { fromWireExecuted, toWireCommand } from '../wire/command.js';
import { inField1 } from '../wire/in-field-1.js';
import type { PipelineProtocol, RequestPipeline } from './request-pipeline.js';

export type CommandPipeline = RequestPipeline<Command, Executed>;

/** Commands, pipelined. */
export const COMMANDS: PipelineProtocol<Command, Executed> = {
  method: CommandService.method.executeStream,
  noun: 'command',
  field: 'data',
  encode: (correlation, command) =>
    inField1(
      toBinary(
        PipelinedCommandSchema,
        create(PipelinedCommandSchema, { correlation, command: toWireCommand(command) }),
      ),
    ),
  decode: (bytes) =>
    fromBinary(ExecuteStreamResponseSchema, bytes).results.map(({ correlation, result }) => {
      switch (result.case) {
        case 'executed':
          return { correlation, verdict: fromWireExecuted(result.value) };
        case 'failed':
          return { correlation, failed: result.value };
        default:
          return { correlation };
      }
    }),
};
