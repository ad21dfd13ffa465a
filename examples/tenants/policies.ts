// Who may do what: an administrator of the system everything, one of a tenant with the roles in that tenant. Everybody else
// may send nothing.
import { CommandRejectedError, policy, type Principal } from '../../src/index.js';

export const systemAdmin = policy().withRole('admin').withScope('system');

/** The commands say in `resource` which tenant they are about; a binding for one tenant allows no other. */
export const tenantAdmin = policy().withRole('admin').withScope('tenant').withResource('resource');

/**
 * Roles in the whole system have no tenant in `resource`, so that whoever is administrator of all tenants, by a binding
 * without resource, would pass; and could make himself more than that. Who comes here without a name was not held by
 * policies at all.
 */
export function refuseUnlessSystemAdmin(principal: Principal): void {
  if (principal.kind === 'ANONYMOUS') return;
  if (!principal.bindings.some((binding) => systemAdmin.verdict(binding, undefined) === 'ALLOWS'))
    throw new CommandRejectedError('SYSTEM_SCOPE', 'Only an administrator of the system changes its roles', {
      code: 'PERMISSION_DENIED',
    });
}
