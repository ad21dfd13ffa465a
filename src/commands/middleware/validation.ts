import { type FieldViolation, InvalidRequestError } from '../../core/errors.js';
import { DEFAULT_LIMITS, type Limits } from '../../core/limits.js';
import type { CommandHandling, CommandMiddleware } from '../middleware.js';
import { validateCommand } from '../validate-command.js';

export interface ValidationOptions {
  /** @default those of the service */
  readonly limits?: Limits;
  /**
   * Rules of one's own that hold for all commands; gives what is wrong. What is wrong with the data of one command type is
   * its codec's to say.
   * @default none
   */
  readonly rules?: (command: CommandHandling) => readonly FieldViolation[];
}

/** Refuses malformed commands with `InvalidRequestError`, field by field. */
export function validation({ limits = DEFAULT_LIMITS, rules }: ValidationOptions = {}): CommandMiddleware {
  const validate = (handled: CommandHandling) => {
    validateCommand(handled.command, limits);
    const violations = rules?.(handled) ?? [];
    if (violations.length > 0) throw new InvalidRequestError(violations.slice(0, 10), violations.length);
  };
  // Not async, as nothing is waited for: each promise more is 1 % of a command on a state that is in memory.
  return (next) => (handled, signal) => {
    try {
      validate(handled);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return next(handled, signal);
  };
}
