import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { domain } from '../../examples/tenants/domain.js';
import { directoryEvents, type RoleBinding, tagOf } from '../../examples/tenants/events.js';
import { overview } from '../../examples/tenants/overview.js';
import { tenant } from '../../examples/tenants/tenant.js';
import { user } from '../../examples/tenants/user.js';
import { userRoleBinding } from '../../examples/tenants/user-role-binding.js';
import { type Command, commandOf, type CommandParts, type Executed } from '../../src/index.js';
import { given, type GivenElsewhere } from '../../src/testing/index.js';
import { HOSTS, refusalOf, type RunningDomain, type User, userWith } from './domain-hosts.js';

const root = userWith('root', 'admin in system');
const nobody = userWith('mallory', 'user in system');

/** What a sender may send whose compiler and validator do not stop him. */
function withData(command: Command, data: unknown): Command {
  return { ...command, data: { kind: 'JSON', bytes: new TextEncoder().encode(JSON.stringify(data)) } };
}

describe('a role binding of the tenants example', () => {
  const binding: RoleBinding = { userId: 'u', role: 'admin', scope: 'tenant', resource: 't' };
  const there: GivenElsewhere[] = [
    {
      stream: { aggregateType: 'User', aggregateId: 'u' },
      events: [
        directoryEvents.encode(
          'UserCreated',
          { name: 'ada', email: 'ada@example.org' },
          { tags: [tagOf.user('u')] },
        ),
      ],
    },
    {
      stream: { aggregateType: 'Tenant', aggregateId: 't' },
      events: [directoryEvents.encode('TenantCreated', { name: 'acme' }, { tags: [tagOf.tenant('t')] })],
    },
  ];
  const created = directoryEvents.encode('UserRoleBindingCreated', binding, {
    tags: [tagOf.roleBinding(binding)],
  });
  const elsewhere: GivenElsewhere = {
    stream: { aggregateType: 'UserRoleBinding', aggregateId: 'other' },
    events: [created],
  };

  it('is created for a user and a tenant that are there', () =>
    given(userRoleBinding)
      .elsewhere(...there)
      .when('CreateUserRoleBinding', binding)
      .then(created));

  it('is not created if the user has the role already', () =>
    given(userRoleBinding)
      .elsewhere(...there, elsewhere)
      .when('CreateUserRoleBinding', binding)
      .thenRejected('ROLE_BINDING_EXISTS'));

  it('is not created for a user that is not there', () =>
    given(userRoleBinding)
      .elsewhere(...there.slice(1))
      .when('CreateUserRoleBinding', binding)
      .thenRejected('USER_NOT_FOUND'));

  it('is not created for a tenant that is not there', () =>
    given(userRoleBinding)
      .elsewhere(...there.slice(0, 1))
      .when('CreateUserRoleBinding', binding)
      .thenRejected('TENANT_NOT_FOUND'));

  it('is deleted once', () =>
    given(userRoleBinding, created, directoryEvents.encode('UserRoleBindingDeleted', {}))
      .when('DeleteUserRoleBinding', { resource: 't' })
      .thenRejected('ROLE_BINDING_DELETED'));

  it('is not deleted in the name of another tenant', () =>
    given(userRoleBinding, created)
      .when('DeleteUserRoleBinding', { resource: 'other' })
      .thenRejected('OTHER_TENANT'));
});

describe.each(HOSTS)('tenants, $host', ({ run }) => {
  let host: RunningDomain;
  beforeAll(async () => {
    host = await run({ name: 'tenants', domain });
  });
  afterAll(() => host.close());

  const createUser = (name: string, email = `${name}@example.org`, parts: CommandParts = {}, as = root) =>
    host.send(as, commandOf(user, 'CreateUser', { name, email }, parts));
  const deleteUser = (aggregateId: string, as = root) =>
    host.send(as, commandOf(user, 'DeleteUser', {}, { aggregateId }));
  const createTenant = (name: string, as = root) =>
    host.send(as, commandOf(tenant, 'CreateTenant', { name }));
  const bind = (binding: RoleBinding, as = root, parts: CommandParts = {}) =>
    host.send(as, commandOf(userRoleBinding, 'CreateUserRoleBinding', binding, parts));
  const unbind = (aggregateId: string, resource?: string, as = root) =>
    host.send(
      as,
      commandOf(userRoleBinding, 'DeleteUserRoleBinding', resource === undefined ? {} : { resource }, {
        aggregateId,
      }),
    );
  const idOf = async (sent: Promise<Executed>) => (await sent).aggregate.aggregateId;

  it('creates a user at version 1 with an id that the server makes', async () => {
    const { aggregate, version } = await createUser('ada');
    expect(aggregate.aggregateType).toBe('User');
    expect(aggregate.aggregateId).toMatch(/^[0-9a-f]{8}-/);
    expect(version).toBe(1n);
  });

  it('refuses a name and an e-mail that a user has, in whatever case', async () => {
    await createUser('Grace');
    expect(await refusalOf(createUser('GRACE', 'else@example.org'))).toBe('ALREADY_EXISTS NAME_TAKEN');
    expect(await refusalOf(createUser('else', 'GRACE@Example.org'))).toBe('ALREADY_EXISTS EMAIL_TAKEN');
  });

  it('creates one of several of the same name that are wanted at the same moment', async () => {
    const outcomes = await Promise.all(
      ['kay', 'Kay', 'KAY'].map((name, index) => refusalOf(createUser(name, `kay-${index}@example.org`))),
    );
    expect(outcomes.toSorted()).toEqual([
      'ALREADY_EXISTS NAME_TAKEN',
      'ALREADY_EXISTS NAME_TAKEN',
      'done: User is at version 1',
    ]);
  });

  it('refuses to create a user that is there', async () => {
    const aggregateId = await idOf(createUser('ida'));
    const again = createUser('ida two', 'ida-two@example.org', { aggregateId });
    expect(await refusalOf(again)).toBe('ALREADY_EXISTS USER_EXISTS');
  });

  it('refuses every command of a deleted user, and creates it anew with a new id at version 1', async () => {
    const aggregateId = await idOf(createUser('lin'));
    expect(await refusalOf(deleteUser(aggregateId))).toBe('done: User is at version 2');
    const deleted = 'FAILED_PRECONDITION USER_DELETED';
    expect(await refusalOf(deleteUser(aggregateId))).toBe(deleted);
    expect(await refusalOf(createUser('lin', 'lin@example.org', { aggregateId }))).toBe(deleted);
    expect(await refusalOf(bind({ userId: aggregateId, role: 'user', scope: 'system' }))).toBe(deleted);

    const anew = await createUser('Lin');
    expect(anew.version).toBe(1n);
    expect(anew.aggregate.aggregateId).not.toBe(aggregateId);
  });

  it('adds a role, refuses it twice, removes it, and adds it again', async () => {
    const userId = await idOf(createUser('mae'));
    const resource = await idOf(createTenant('mae and sons'));
    const binding: RoleBinding = { userId, role: 'user', scope: 'tenant', resource };
    const first = await bind(binding);
    expect(first.version).toBe(1n);
    expect(await refusalOf(bind(binding))).toBe('ALREADY_EXISTS ROLE_BINDING_EXISTS');
    const bindingId = first.aggregate.aggregateId;
    expect(await refusalOf(unbind(bindingId, resource))).toBe('done: UserRoleBinding is at version 2');
    expect(await refusalOf(unbind(bindingId, resource))).toBe('FAILED_PRECONDITION ROLE_BINDING_DELETED');
    const again = await bind(binding);
    expect(again.version).toBe(1n);
    expect(again.aggregate.aggregateId).not.toBe(bindingId);
  });

  it('adds a role once, however many add it at the same moment', async () => {
    const userId = await idOf(createUser('nan'));
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => refusalOf(bind({ userId, role: 'admin', scope: 'system' }))),
    );
    expect(outcomes.filter((outcome) => outcome.startsWith('done'))).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'ALREADY_EXISTS ROLE_BINDING_EXISTS')).toHaveLength(3);
  });

  it('refuses what is not there', async () => {
    const userId = await idOf(createUser('oda'));
    const toNobody = bind({ userId: 'nobody', role: 'user', scope: 'system' });
    expect(await refusalOf(toNobody)).toBe('NOT_FOUND USER_NOT_FOUND');
    const toNothing = bind({ userId, role: 'user', scope: 'tenant', resource: 'nothing' });
    expect(await refusalOf(toNothing)).toBe('NOT_FOUND TENANT_NOT_FOUND');
    expect(await refusalOf(deleteUser('nobody'))).toBe('STREAM_NOT_FOUND');
    expect(await refusalOf(unbind('nothing'))).toBe('STREAM_NOT_FOUND');
  });

  it('names every field that is wrong', async () => {
    const command = withData(commandOf(user, 'CreateUser', { name: 'x', email: 'x@example.org' }), {
      name: ' ',
      email: 'nowhere',
    });
    await expect(host.send(root, command)).rejects.toMatchObject({
      violations: [{ field: 'data.name' }, { field: 'data.email' }],
    });
  });

  describe('as somebody else', () => {
    let [acme, initech, pia] = ['', '', ''];
    let ofAcme: User;
    const ofAllTenants = userWith('otto', 'admin in tenant');
    beforeAll(async () => {
      acme = await idOf(createTenant('acme'));
      initech = await idOf(createTenant('initech'));
      pia = await idOf(createUser('pia'));
      ofAcme = userWith('anne', `admin in tenant on ${acme}`);
    });

    it('lets the administrator of a tenant give and take roles in it, and in no other', async () => {
      const inAcme: RoleBinding = { userId: pia, role: 'user', scope: 'tenant', resource: acme };
      const inInitech: RoleBinding = { ...inAcme, resource: initech };
      const { aggregateId } = (await bind(inAcme, ofAcme)).aggregate;
      expect(await refusalOf(bind(inInitech, ofAcme))).toBe('POLICY_DENIED');

      const foreign = await idOf(bind(inInitech));
      expect(await refusalOf(unbind(foreign, initech, ofAcme))).toBe('POLICY_DENIED');
      expect(await refusalOf(unbind(foreign, undefined, ofAcme))).toBe('POLICY_DENIED');
      expect(await refusalOf(unbind(foreign, acme, ofAcme))).toBe('PERMISSION_DENIED OTHER_TENANT');
      expect(await refusalOf(unbind(aggregateId, acme, ofAcme))).toBe(
        'done: UserRoleBinding is at version 2',
      );
    });

    it('lets the administrator of a tenant do nothing else', async () => {
      expect(await refusalOf(createUser('quo', 'quo@example.org', {}, ofAcme))).toBe('POLICY_DENIED');
      expect(await refusalOf(deleteUser(pia, ofAcme))).toBe('POLICY_DENIED');
      expect(await refusalOf(createTenant('quo', ofAcme))).toBe('POLICY_DENIED');
    });

    it('lets nobody make himself more than he is', async () => {
      const inSystem: RoleBinding = { userId: pia, role: 'admin', scope: 'system' };
      expect(await refusalOf(bind(inSystem, ofAcme))).toBe('POLICY_DENIED');
      const disguised = withData(commandOf(userRoleBinding, 'CreateUserRoleBinding', inSystem), {
        ...inSystem,
        resource: acme,
      });
      expect(await refusalOf(host.send(ofAcme, disguised))).toBe('INVALID_REQUEST');
      expect(await refusalOf(bind(inSystem, ofAllTenants))).toBe('PERMISSION_DENIED SYSTEM_SCOPE');
      const aggregateId = await idOf(bind(inSystem));
      expect(await refusalOf(unbind(aggregateId, undefined, ofAllTenants))).toBe(
        'PERMISSION_DENIED SYSTEM_SCOPE',
      );
    });

    it('lets nobody else do anything, and does not say what is there', async () => {
      const binding: RoleBinding = { userId: pia, role: 'user', scope: 'tenant', resource: acme };
      expect(await refusalOf(createUser('rob', 'rob@example.org', {}, nobody))).toBe('POLICY_DENIED');
      expect(await refusalOf(deleteUser('no such user', nobody))).toBe('POLICY_DENIED');
      expect(await refusalOf(createTenant('acme', nobody))).toBe('POLICY_DENIED');
      expect(await refusalOf(bind(binding, nobody))).toBe('POLICY_DENIED');
      expect(await refusalOf(unbind('no such binding', acme, nobody))).toBe('POLICY_DENIED');
    });
  });

  it('lists who has which role where', async () => {
    const hooli = await idOf(createTenant('hooli'));
    const gone = await idOf(createTenant('pied piper'));
    const zoe = await idOf(createUser('zoe'));
    const yan = await idOf(createUser('yan'));
    await bind({ userId: zoe, role: 'admin', scope: 'tenant', resource: hooli });
    await bind({ userId: zoe, role: 'user', scope: 'tenant', resource: gone });
    const bindingId = await idOf(bind({ userId: zoe, role: 'user', scope: 'system' }));
    await bind({ userId: zoe, role: 'admin', scope: 'system' });
    await unbind(bindingId);
    await deleteUser(yan);
    await host.send(root, commandOf(tenant, 'DeleteTenant', {}, { aggregateId: gone }));

    const { users, tenants } = await overview(host.store);
    expect(users.find(({ name }) => name === 'zoe')).toEqual({
      id: zoe,
      name: 'zoe',
      email: 'zoe@example.org',
      roles: ['admin in system', `admin in tenant ${hooli}`],
    });
    expect(users.map(({ id }) => id)).not.toContain(yan);
    expect(tenants).toContainEqual({ id: hooli, name: 'hooli' });
    expect(tenants.map(({ id }) => id)).not.toContain(gone);
  });
});
