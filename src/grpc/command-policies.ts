import type { CommandTypeInfo } from '../auth/command-type.js';
import type { Principal } from '../auth/principal.js';
import type { CommandMiddleware } from '../commands/middleware.js';
import { authorization } from '../commands/middleware/authorization.js';

/**
 * Whom the policies of commands hold. `named`: callers who say who they are, for commands that have policies; it is how
 * policies are tried out where nobody is authenticated. `enforce`: everybody, so that who does not say who he is may send
 * nothing, and a command without policies is nobody's to send.
 */
export type CommandPolicies = 'named' | 'enforce';

/** Whether the policies of a command type hold a caller. */
export function policiesHold(
  mode: CommandPolicies,
  principal: Principal,
  { policies }: Pick<CommandTypeInfo, 'policies'>,
): boolean {
  return mode === 'enforce' || (principal.kind === 'USER' && policies.length > 0);
}

/** Refuses with `PolicyDeniedError` what the policies of a command do not allow whom they hold. */
export function commandPolicies(mode: CommandPolicies): CommandMiddleware {
  const authorize = authorization();
  return (next) => {
    const authorized = authorize(next);
    return (handled, signal) =>
      policiesHold(mode, handled.principal, handled.type)
        ? authorized(handled, signal)
        : next(handled, signal);
  };
}
