// Tenants, users and their roles: `npx headwater serve --domain ./examples/tenants/domain.js` serves them, and an
// AggregateManager runs them in process.
import { CommandRegistry } from '../../src/index.js';
import { serverMadeIds } from './server-made-ids.js';
import { tenant } from './tenant.js';
import { user } from './user.js';
import { userRoleBinding } from './user-role-binding.js';

const creating = new Set(['CreateUser', 'CreateTenant', 'CreateUserRoleBinding']);

export const domain = new CommandRegistry()
  .register(tenant)
  .register(user)
  .register(userRoleBinding)
  .useMiddleware(({ store, runtime }) =>
    serverMadeIds({ store, newId: () => runtime.newEventId(), creating }),
  );
