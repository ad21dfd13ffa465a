// A role that a user has: in the system, or in one tenant.
import { z } from 'zod';
import { CommandRejectedError, type DecideContext, defineAggregate, json } from '../../src/index.js';
import { type DirectoryEvents, directoryEvents, Id, RoleBinding, tagOf } from './events.js';
import { holderOf } from './holder.js';
import { refuseUnlessSystemAdmin, systemAdmin, tenantAdmin } from './policies.js';
import { type Presence, refuseDeleted, refusePresent } from './presence.js';

interface RoleBindingState {
  readonly presence: Presence;
  readonly binding: RoleBinding | undefined;
}

const ABSENT: RoleBindingState = { presence: 'ABSENT', binding: undefined };

export const userRoleBinding = defineAggregate({
  type: 'UserRoleBinding',
  events: directoryEvents,
  initialState: ABSENT,
  evolve: (state, { eventType, payload }): RoleBindingState => {
    if (eventType === 'UserRoleBindingCreated') return { presence: 'PRESENT', binding: payload };
    return eventType === 'UserRoleBindingDeleted' ? { ...state, presence: 'DELETED' } : state;
  },
  commands: {
    CreateUserRoleBinding: {
      data: json(RoleBinding),
      policies: [systemAdmin, tenantAdmin],
      decide: async (state, binding, context) => {
        refusePresent('ROLE_BINDING', state.presence);
        if (binding.scope === 'system') refuseUnlessSystemAdmin(context.principal);
        else await refuseMissing('TENANT', tagOf.tenant(binding.resource), context);
        await refuseMissing('USER', tagOf.user(binding.userId), context);
        const tag = tagOf.roleBinding(binding);
        if ((await holderOf(tag, context)) !== undefined)
          throw new CommandRejectedError('ROLE_BINDING_EXISTS', 'The user has this role already', {
            code: 'ALREADY_EXISTS',
          });
        return [directoryEvents.encode('UserRoleBindingCreated', binding, { tags: [tag] })];
      },
    },
    DeleteUserRoleBinding: {
      /** The tenant of the binding; none for one in the system. */
      data: json(z.object({ resource: Id.optional() })),
      existence: 'MUST_EXIST',
      policies: [systemAdmin, tenantAdmin],
      decide: ({ presence, binding }, { resource }, { principal }) => {
        if (binding?.scope === 'system') refuseUnlessSystemAdmin(principal);
        // The policy believed the command; here it is compared with the binding.
        else if (binding?.resource !== resource)
          throw new CommandRejectedError('OTHER_TENANT', 'The role binding is not one of this tenant', {
            code: 'PERMISSION_DENIED',
          });
        refuseDeleted('ROLE_BINDING', presence);
        const tags = binding === undefined ? [] : [tagOf.roleBinding(binding)];
        return [directoryEvents.encode('UserRoleBindingDeleted', {}, { tags })];
      },
    },
  },
});

/** There was one and it is deleted, or there never was one. */
async function refuseMissing(
  what: 'USER' | 'TENANT',
  tag: string,
  context: DecideContext<DirectoryEvents>,
): Promise<void> {
  const [latest] = (await context.query({ tags: [tag] })).slice(-1);
  if (latest === undefined)
    throw new CommandRejectedError(`${what}_NOT_FOUND`, `There is no such ${what.toLowerCase()}`, {
      code: 'NOT_FOUND',
    });
  refuseDeleted(what, latest.eventType.endsWith('Deleted') ? 'DELETED' : 'PRESENT');
}
