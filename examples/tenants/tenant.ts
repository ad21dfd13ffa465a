// A tenant.
import { z } from 'zod';
import { CommandRejectedError, defineAggregate, json } from '../../src/index.js';
import { directoryEvents, Name, tagOf } from './events.js';
import { holderOf } from './holder.js';
import { systemAdmin } from './policies.js';
import { type Presence, refuseDeleted, refusePresent } from './presence.js';

interface TenantState {
  readonly presence: Presence;
  readonly name: string;
}

const ABSENT: TenantState = { presence: 'ABSENT', name: '' };

export const tenant = defineAggregate({
  type: 'Tenant',
  events: directoryEvents,
  initialState: ABSENT,
  evolve: (state, { eventType, payload }): TenantState => {
    if (eventType === 'TenantCreated') return { presence: 'PRESENT', ...payload };
    return eventType === 'TenantDeleted' ? { ...state, presence: 'DELETED' } : state;
  },
  commands: {
    CreateTenant: {
      data: json(z.object({ name: Name })),
      policies: [systemAdmin],
      decide: async (state, { name }, context) => {
        refusePresent('TENANT', state.presence);
        if ((await holderOf(tagOf.tenantName(name), context)) !== undefined)
          throw new CommandRejectedError('NAME_TAKEN', 'Another tenant has this name', {
            code: 'ALREADY_EXISTS',
          });
        const tags = [tagOf.tenant(context.aggregate.aggregateId), tagOf.tenantName(name)];
        return [directoryEvents.encode('TenantCreated', { name }, { tags })];
      },
    },
    DeleteTenant: {
      data: json(z.object({})),
      existence: 'MUST_EXIST',
      policies: [systemAdmin],
      decide: ({ presence, name }, _data, { aggregate }) => {
        refuseDeleted('TENANT', presence);
        const tags = [tagOf.tenant(aggregate.aggregateId), tagOf.tenantName(name)];
        return [directoryEvents.encode('TenantDeleted', {}, { tags })];
      },
    },
  },
});
