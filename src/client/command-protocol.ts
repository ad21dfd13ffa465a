import { create, toBinary } from '@bufbuild/protobuf';
import {
  CommandService,
  type ExecuteStreamResponseSchema,
  PipelinedCommandSchema,
} from '../../gen/headwater/v1/command_service_pb.js';
import type { Command, Executed } from '../core/command.js';
import { fromWireExecuted, toWireCommand } from '../wire/command.js';
import type { PipelineProtocol, RequestPipeline } from './request-pipeline.js';

export type CommandPipeline = RequestPipeline<Command, Executed, typeof ExecuteStreamResponseSchema>;

/** Commands, pipelined. */
export const COMMANDS: PipelineProtocol<Command, Executed, typeof ExecuteStreamResponseSchema> = {
  method: CommandService.method.executeStream,
  noun: 'command',
  field: 'data',
  encode: (correlation, command) =>
    toBinary(
      PipelinedCommandSchema,
      create(PipelinedCommandSchema, { correlation, command: toWireCommand(command) }),
    ),
  results: ({ results }) =>
    results.map(({ correlation, result }) => {
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
