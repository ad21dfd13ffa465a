import { CommandService } from '../../gen/headwater/v1/command_service_pb.js';
import type { Command, Executed } from '../core/command.js';
import { decodeExecuteStreamResponse } from '../wire/command-results.js';
import { encodePipelinedCommand } from '../wire/pipelined-command.js';
import type { PipelineProtocol, RequestPipeline } from './request-pipeline.js';

export type CommandPipeline = RequestPipeline<Command, Executed>;

/** Commands, pipelined. */
export const COMMANDS: PipelineProtocol<Command, Executed> = {
  method: CommandService.method.executeStream,
  noun: 'command',
  field: 'data',
  encode: encodePipelinedCommand,
  decode: decodeExecuteStreamResponse,
};
