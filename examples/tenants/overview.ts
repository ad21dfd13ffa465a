// All users with their roles, and all tenants: a fold over the log, which is the same in process and over the network.
import { eventsOf, type EventStore } from '../../src/index.js';
import { directoryEvents, type RoleBinding } from './events.js';

export interface Overview {
  /** By name. */
  readonly users: readonly {
    readonly id: string;
    readonly name: string;
    readonly email: string;
    /** For example `admin in system` and `user in tenant 7f1c…`. */
    readonly roles: readonly string[];
  }[];
  /** By name. */
  readonly tenants: readonly { readonly id: string; readonly name: string }[];
}

export async function overview(store: Pick<EventStore, 'load'>): Promise<Overview> {
  const users = new Map<string, { readonly name: string; readonly email: string }>();
  const tenants = new Map<string, { readonly name: string }>();
  const bindings = new Map<string, RoleBinding>();
  const aggregateTypes = ['User', 'Tenant', 'UserRoleBinding'];
  const pages = store.load({ scope: { kind: 'AGGREGATE_TYPES', aggregateTypes } });
  for await (const event of eventsOf(directoryEvents.decodeAll(pages))) {
    const { aggregateId } = event.stream;
    if (event.payload === undefined) continue;
    switch (event.eventType) {
      case 'UserCreated':
        users.set(aggregateId, event.payload);
        break;
      case 'UserDeleted':
        users.delete(aggregateId);
        break;
      case 'TenantCreated':
        tenants.set(aggregateId, event.payload);
        break;
      case 'TenantDeleted':
        tenants.delete(aggregateId);
        break;
      case 'UserRoleBindingCreated':
        bindings.set(aggregateId, event.payload);
        break;
      case 'UserRoleBindingDeleted':
        bindings.delete(aggregateId);
        break;
    }
  }
  const valid = [...bindings.values()].filter((one) => one.scope === 'system' || tenants.has(one.resource));
  return {
    users: listed(users).map((user) => ({
      ...user,
      roles: valid
        .filter(({ userId }) => userId === user.id)
        .map((one) => `${one.role} in ${one.scope}${one.scope === 'tenant' ? ` ${one.resource}` : ''}`)
        .toSorted(),
    })),
    tenants: listed(tenants),
  };
}

function listed<One extends { readonly name: string }>(
  byId: ReadonlyMap<string, One>,
): (One & { readonly id: string })[] {
  return [...byId]
    .map(([id, one]) => ({ id, ...one }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}
