// What happens to users, tenants and the roles that users have. Each event bears the tags by which decisions of others find
// it.
import { z } from 'zod';
import { type AggregateEvent, type EventTypesOf, eventTypes, json } from '../../src/index.js';

/** Short enough for a tag, which has 255 bytes. */
export const Id = z.string().min(1).max(50);
export const Name = z.string().trim().min(1).max(60);

const User = z.object({ name: Name, email: z.email().max(120) });
const Tenant = z.object({ name: Name });
const Role = z.enum(['admin', 'user']);
/** A role in the whole system, or in one tenant; there is no third. */
export const RoleBinding = z.discriminatedUnion('scope', [
  z.strictObject({ userId: Id, role: Role, scope: z.literal('system') }),
  z.strictObject({ userId: Id, role: Role, scope: z.literal('tenant'), resource: Id }),
]);
export type RoleBinding = z.infer<typeof RoleBinding>;

export const directoryEvents = eventTypes()
  .register('UserCreated', { codec: json(User) })
  .register('UserDeleted', { codec: json(z.object({})) })
  .register('TenantCreated', { codec: json(Tenant) })
  .register('TenantDeleted', { codec: json(z.object({})) })
  .register('UserRoleBindingCreated', { codec: json(RoleBinding) })
  .register('UserRoleBindingDeleted', { codec: json(z.object({})) });

export type DirectoryEvents = EventTypesOf<typeof directoryEvents>;
export type DirectoryEvent = AggregateEvent<DirectoryEvents>;

/** Upper and lower case are one. */
const folded = (text: string) => text.normalize('NFKC').toLowerCase();

export const tagOf = {
  user: (id: string) => `user:${id}`,
  userName: (name: string) => `user-name:${folded(name)}`,
  userEmail: (email: string) => `user-email:${folded(email)}`,
  tenant: (id: string) => `tenant:${id}`,
  tenantName: (name: string) => `tenant-name:${folded(name)}`,
  roleBinding: (binding: RoleBinding) => {
    const { userId, role, scope } = binding;
    return `role-binding:${userId}/${role}/${scope}/${scope === 'tenant' ? binding.resource : ''}`;
  },
};
