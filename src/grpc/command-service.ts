import type {
  CommandService,
  ExecuteRequest as WireExecuteRequest,
} from '../../gen/headwater/v1/command_service_pb.js';
import type { Caller } from '../auth/caller.js';
import type { Plan } from '../auth/plan.js';
import type { Command, Executed } from '../core/command.js';
import { InvalidRequestError } from '../core/errors.js';
import { fromWireCommand, toWireExecuted } from '../wire/command.js';
import { encodeCommandFailure, encodeCommandResult } from '../wire/command-results.js';
import {
  type ExplainRequest,
  fromWireExplainRequest,
  toWireCommandList,
  toWireExplanation,
  toWirePermissionModel,
} from '../wire/permissions.js';
import { decodeExecuteStreamRequest } from '../wire/pipelined-command.js';
import type { CommandPolicies } from './command-policies.js';
import { explain, permissionModel, registeredCommands } from './permissions.js';
import { pipelined } from './pipelined.js';
import type { RpcsOf } from './register.js';
import type { CommandsOf } from './served-commands.js';
import { unary } from './unary.js';
import { handle, type HandleParts } from './workers/handle.js';

type ExecutePlan = Plan & { readonly command: Command };
type ExplainPlan = Plan & { readonly request: ExplainRequest };

export interface CommandServiceOptions extends Omit<HandleParts, 'poolOf'> {
  readonly commandsOf: CommandsOf;
  readonly policies: CommandPolicies;
}

/** The CommandService. */
export function commandService({
  commandsOf,
  policies,
  ...workers
}: CommandServiceOptions): RpcsOf<typeof CommandService> {
  const execute = (plan: ExecutePlan, signal: AbortSignal): Promise<Executed> =>
    commandsOf(plan).executor.execute(plan.command, { principal: plan.principal, signal });
  return {
    execute: unary({
      resolve: planExecute,
      handle: async (plan, signal) => toWireExecuted(await execute(plan, signal)),
    }),
    executeStream: pipelined({
      action: 'execute',
      decode: (bytes) =>
        decodeExecuteStreamRequest(bytes).map(({ command, correlation }) => ({ correlation, item: command })),
      resolve: (command, caller) => {
        if (command instanceof InvalidRequestError) throw command;
        return planOf(command, caller);
      },
      // Not async: the commands of one aggregate wait for each other in the order sent.
      handle: execute,
      answered: encodeCommandResult,
      failed: encodeCommandFailure,
    }),
    handle: handle({ ...workers, poolOf: (namespace) => commandsOf({ namespace }).pool }),
    listCommands: unary({
      resolve: (_request, caller): Plan => ({
        ...caller,
        action: 'list-commands',
        resources: [{ kind: 'LOG' }],
      }),
      handle: async (plan) => toWireCommandList(registeredCommands(commandsOf(plan))),
    }),
    getPermissionModel: unary({
      resolve: (_request, caller): Plan => ({
        ...caller,
        action: 'get-permission-model',
        resources: [{ kind: 'LOG' }],
      }),
      handle: async (plan) => toWirePermissionModel(permissionModel(commandsOf(plan))),
    }),
    explain: unary({
      resolve: (request, caller): ExplainPlan => {
        const asked = fromWireExplainRequest(request);
        const { commandType } = asked;
        return {
          ...caller,
          action: 'explain',
          resources: [{ kind: 'COMMAND_TYPE', commandType }],
          request: asked,
        };
      },
      handle: async (plan) =>
        toWireExplanation(explain(commandsOf(plan), policies, plan.request, plan.principal)),
    }),
  };
}

function planExecute(request: WireExecuteRequest, caller: Caller): ExecutePlan {
  return planOf(fromWireCommand(request), caller);
}

function planOf(command: Command, { namespace, peer, principal }: Caller): ExecutePlan {
  const { commandType } = command;
  return {
    principal,
    namespace,
    // In front of the rest: a spread of nothing costs nothing.
    ...(peer === undefined ? undefined : { peer }),
    action: 'execute',
    resources: [{ kind: 'COMMAND_TYPE', commandType }],
    command,
  };
}
