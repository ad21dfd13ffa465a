import { bindingsOf } from '../../auth/principal.js';
import { PolicyDeniedError } from '../../core/errors.js';
import { commandVerdicts } from '../command-verdicts.js';
import type { CommandMiddleware } from '../middleware.js';

export interface AuthorizationOptions {
  /**
   * Everybody may send everything: for a service on loopback, and for tests.
   * @default false
   */
  readonly everybody?: boolean;
}

/** Lets a command pass if any of its policies allows any of the principal's bindings; else `PolicyDeniedError`. */
export function authorization({ everybody = false }: AuthorizationOptions = {}): CommandMiddleware {
  return (next) => async (handled, signal) => {
    const { type, command, principal } = handled;
    const allowed =
      everybody ||
      commandVerdicts(type.policies, bindingsOf(principal), command).some(({ allows }) => allows);
    if (!allowed) throw new PolicyDeniedError(command.commandType);
    return next(handled, signal);
  };
}
