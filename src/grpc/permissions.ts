import type { CommandTypeInfo } from '../auth/command-type.js';
import { bindingsOf, type Principal, type RoleBinding } from '../auth/principal.js';
import { commandVerdicts } from '../commands/command-verdicts.js';
import { CommandNotRegisteredError } from '../core/errors.js';
import type { Explanation, ExplainRequest, PermissionModel, RegisteredCommand } from '../wire/permissions.js';
import { type CommandPolicies, policiesHold } from './command-policies.js';
import type { ServedCommands } from './served-commands.js';

/** The command types that are decided now, by name. */
export function registeredCommands({ decider, pool }: ServedCommands): readonly RegisteredCommand[] {
  return byName(decider.commandTypes).map((command) => ({
    command,
    inService: decider.inService(command.commandType),
    workers: pool.workersOf(command.commandType),
  }));
}

export function permissionModel({ decider }: ServedCommands): PermissionModel {
  const types = byName(decider.commandTypes);
  const all = types.flatMap(({ policies }) => policies);
  const sorted = (names: readonly string[]) => [...new Set(names)].sort();
  return {
    roles: sorted(all.flatMap(({ roles }) => roles)),
    scopes: sorted(all.flatMap(({ scopes }) => scopes)),
    permissions: types.map(({ commandType, policies }) => ({ commandType, policies })),
  };
}

/** Why a command would be allowed or refused. Throws `CommandNotRegisteredError`. */
export function explain(
  { decider }: ServedCommands,
  mode: CommandPolicies,
  request: ExplainRequest,
  caller: Principal,
): Explanation {
  const { aggregateId, commandType, json = new Uint8Array() } = request;
  const type = decider.commandTypes.get(commandType);
  if (type === undefined) throw new CommandNotRegisteredError(commandType);
  const principal = request.principal ?? caller;
  const { policies } = type;
  const command = {
    ...(aggregateId === undefined ? {} : { aggregateId }),
    data: { kind: 'JSON', bytes: json },
  } as const;
  const bindings = bindingsOf(principal);
  const verdicts: Explanation['verdicts'] =
    bindings.length === 0
      ? policies.map((policy) => ({
          policy: String(policy),
          binding: undefined,
          allows: false,
          because: 'the principal has no binding',
        }))
      : commandVerdicts(policies, bindings, command).map(({ allows, because, binding, policy }) => ({
          policy: String(policy),
          binding,
          allows,
          because: because === undefined ? '' : BECAUSE[because],
        }));
  const held = policiesHold(mode, principal, type);
  const allowing = verdicts.find(({ allows }) => allows);
  return {
    allowed: !held || allowing !== undefined,
    summary: `${nameOf(principal)} ${sentence(type, held, allowing, bindings.length)}`,
    verdicts,
  };
}

const BECAUSE = {
  ROLE: 'it is for other roles',
  SCOPE: 'it is for other scopes',
  RESOURCE: 'the binding is for another resource',
} as const;

function sentence(
  { commandType, policies }: CommandTypeInfo,
  held: boolean,
  allowing: Explanation['verdicts'][number] | undefined,
  bindings: number,
): string {
  if (!held)
    return policies.length === 0
      ? `may send ${commandType}, which has no policies: policies are not enforced here`
      : `may send ${commandType}: policies hold only callers who say who they are`;
  if (allowing !== undefined)
    return `may send ${commandType}: the policy "${allowing.policy}" allows the binding ${textOf(allowing.binding)}`;
  if (policies.length === 0) return `may not send ${commandType}: it has no policies, so nobody may`;
  const which =
    policies.length === 1 ? 'its policy does not allow' : `none of its ${policies.length} policies allows`;
  return bindings === 0
    ? `may not send ${commandType}: nobody may without a binding`
    : `may not send ${commandType}: ${which} any of the bindings (${bindings})`;
}

function nameOf(principal: Principal): string {
  return principal.kind === 'USER' ? principal.id : 'Nobody in particular';
}

function textOf(binding: RoleBinding | undefined): string {
  if (binding === undefined) return '';
  const { resource, role, scope } = binding;
  return `${role} in ${scope}${resource === undefined ? '' : ` for ${resource}`}`;
}

function byName(types: ReadonlyMap<string, CommandTypeInfo>): readonly CommandTypeInfo[] {
  return [...types.values()].sort((a, b) => (a.commandType < b.commandType ? -1 : 1));
}
