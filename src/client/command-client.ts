import { create } from '@bufbuild/protobuf';
import {
  CommandService,
  GetPermissionModelRequestSchema,
  ListCommandsRequestSchema,
} from '../../gen/headwater/v1/command_service_pb.js';
import { validateCommand } from '../commands/validate-command.js';
import type { CallOptions } from '../core/call-options.js';
import type { Command, CommandBus, Executed } from '../core/command.js';
import {
  type ExplainRequest,
  type Explanation,
  fromWireCommandList,
  fromWireExplanation,
  fromWirePermissionModel,
  type PermissionModel,
  type RegisteredCommand,
  toWireExplainRequest,
} from '../wire/permissions.js';
import { ask, type AskOptions, type AskParts } from './ask.js';
import type { CommandPipeline } from './command-protocol.js';
import { NO_LIMITS } from './no-limits.js';

const { explain, getPermissionModel, listCommands } = CommandService.method;

export interface CommandClientParts extends AskParts {
  readonly pipeline: CommandPipeline;
  readonly timeoutMs: number;
}

/**
 * Sends commands to a service. Concurrent ones share a pipelined call, in which those of one aggregate are decided in the
 * order in which they were sent; whatever breaks is tried again with the same command id.
 *
 * @example
 * const { version } = await connection.commands.execute({
 *   commandType: 'OpenAccount',
 *   data: { kind: 'JSON', bytes: new TextEncoder().encode('{"owner":"Ada"}') },
 * });
 */
export class CommandClient implements CommandBus {
  readonly #parts: CommandClientParts;

  constructor(parts: CommandClientParts) {
    this.#parts = parts;
  }

  /**
   * Has a command decided; see {@link CommandBus}. Without an id it gets one, so that it is safe to send it again. Tried
   * until it is answered or the time is over; then send the same id again to find out what became of it.
   */
  async execute(command: Command, options?: CallOptions): Promise<Executed> {
    validateCommand(command, NO_LIMITS);
    const { pipeline, runtime } = this.#parts;
    // Up to here nothing was awaited: commands are sent in the order of the calls.
    return pipeline.send({ ...command, commandId: command.commandId ?? runtime.newEventId() }, options);
  }

  /** The command types that are decided now, by name. */
  async list(options?: CallOptions): Promise<readonly RegisteredCommand[]> {
    const request = create(ListCommandsRequestSchema);
    return fromWireCommandList(await ask(this.#parts, listCommands, request, this.#patience(options)));
  }

  /** Who may send what. */
  async permissionModel(options?: CallOptions): Promise<PermissionModel> {
    const request = create(GetPermissionModelRequestSchema);
    return fromWirePermissionModel(
      await ask(this.#parts, getPermissionModel, request, this.#patience(options)),
    );
  }

  /** Why a command would be allowed or refused. Fails with `CommandNotRegisteredError`. */
  async explain(request: ExplainRequest, options?: CallOptions): Promise<Explanation> {
    const wire = toWireExplainRequest(request);
    return fromWireExplanation(await ask(this.#parts, explain, wire, this.#patience(options)));
  }

  #patience({ signal, timeoutMilliseconds }: CallOptions = {}): AskOptions {
    return { signal, timeoutMs: timeoutMilliseconds ?? this.#parts.timeoutMs };
  }
}
