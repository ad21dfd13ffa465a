import type { Command } from 'commander';
import type { Principal, RoleBinding } from '../auth/principal.js';
import { InvalidRequestError } from '../core/errors.js';
import { fromPrincipalHeader, toPrincipalHeader } from '../wire/principal.js';
import { UsageError } from './exit-codes.js';
import { many } from './key-value.js';

/** Somebody who says who he is. */
export type User = Principal & { readonly kind: 'USER' };

/** Who sends a command, or would send it. */
export interface PrincipalFlags {
  readonly as?: string;
  readonly binding?: readonly string[];
  readonly principal?: string;
}

export const PRINCIPAL_HELP = `
A binding is role@scope for all resources, or role@scope:resource for one, as teller@branch:7; what has such a sign in its
name is said with --principal '{"id":"ada","bindings":[{"role":"teller","scope":"branch","resource":"7"}]}'.`;

export function addPrincipalOptions(command: Command): Command {
  return command
    .option('--as <id>', 'who sends it (default: nobody in particular)')
    .option('--binding <role@scope[:resource]>', 'a role of whom --as names; repeatable', many)
    .option('--principal <json>', 'both as JSON, in place of --as and --binding');
}

/** Who the flags name; `undefined` if they name nobody. Throws `UsageError`. */
export function principalFrom({ as, binding, principal }: PrincipalFlags): User | undefined {
  if (principal !== undefined) {
    if (as !== undefined || binding !== undefined)
      throw new UsageError('--principal names id and bindings, so --as and --binding cannot stand beside it');
    return checked(principal, '--principal');
  }
  if (as !== undefined)
    return checked(
      toPrincipalHeader({ kind: 'USER', id: as, bindings: (binding ?? []).map((one) => bindingFrom(one)) }),
      '--as and --binding',
    );
  if (binding === undefined) return undefined;
  throw new UsageError('--binding is for whom --as names: add --as <id>');
}

/** Behind the first `@` is the scope, behind the first `:` of that the resource, which may hold both signs. */
export function bindingFrom(text: string, what = '--binding'): RoleBinding {
  const [, role, scope, resource] = /^([^@]+)@([^:]+)(?::(.+))?$/s.exec(text) ?? [];
  if (role === undefined || scope === undefined)
    throw new UsageError(
      `${what} ${JSON.stringify(text)} is none: write role@scope, or role@scope:resource, as teller@branch:7`,
    );
  return { role, scope, ...(resource === undefined ? {} : { resource }) };
}

/** As {@link bindingFrom} takes it. */
export function bindingText({ resource, role, scope }: RoleBinding): string {
  return `${role}@${scope}${resource === undefined ? '' : `:${resource}`}`;
}

/** By the rules of the service, so that what it would refuse is told with the name of the flag. */
function checked(header: string, flags: string): User {
  try {
    const principal = fromPrincipalHeader([header]);
    if (principal.kind === 'USER') return principal;
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    const problems = error.violations.map(({ description, field }) => {
      const [, path] = /^headwater-principal\.?(.*)$/.exec(field) ?? [];
      return path ? `${path} ${description}` : description;
    });
    throw new UsageError(`${flags}: ${problems.join('; ')}`, { cause: error });
  }
  throw new UsageError(`${flags} names nobody`);
}
