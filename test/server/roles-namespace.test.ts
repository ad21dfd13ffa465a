import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection, NamespaceConnection } from '../../src/client/connect.js';
import { newEvent, to } from '../../src/testing/builders.js';
import { newSchemaName } from '../support/test-database.js';
import { type Authenticated, openAuthenticated } from './authenticated.js';
import { serve } from './service.js';

let service: Authenticated;
let root: Connection;
let own: NamespaceConnection;

beforeAll(async () => {
  service = await openAuthenticated({
    rules: [{ name: 'everything everywhere', roles: ['owner'], actions: ['*'], namespaces: ['*'] }],
  });
  root = await service.as('root', ['owner']);
  own = root.namespace(service.accessNamespace);
});
afterAll(() => service.close());

const stream = { aggregateType: 'Principal', aggregateId: 'eve' };
const ada = { aggregateType: 'Principal', aggregateId: 'ada' };
const forged = to(
  stream,
  'ANY',
  newEvent({ eventType: 'RoleGranted', json: { binding: { role: 'admin', scope: 'system' }, by: 'root' } }),
);

describe('the namespace with roles, tokens and the audit', () => {
  it('is not read by a rule for any namespace', async () => {
    for (const read of [
      () => own.eventStore.countEvents(),
      () => own.eventStore.getLog(),
      () => own.eventStore.getStream(stream),
      () => own.eventStore.listStreams(),
      () => own.info(),
    ])
      await expect(read()).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
  });

  it('is read by a rule that names it, and written by none', async () => {
    service.setAccess({
      rules: [
        {
          name: 'readers of the audit',
          roles: ['admin'],
          actions: ['*'],
          namespaces: [service.accessNamespace],
        },
        { name: 'admins', roles: ['admin'], actions: ['*'] },
      ],
      principals: { root: [{ role: 'admin', scope: 'system' }] },
    });
    await expect
      .poll(
        () =>
          own.eventStore.getLog().then(
            () => 'READ',
            () => 'REFUSED',
          ),
        { timeout: 15_000 },
      )
      .toBe('READ');
    await root.access.grantRole('ada', { role: 'reader', scope: 'system' });
    const before = await own.eventStore.countEvents({
      scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Principal'] },
    });
    expect(before.count).toBe(1n);
    for (const write of [
      () => own.eventStore.append({ streams: [forged] }),
      () => own.eventStore.deleteStream({ stream: ada, expectedVersion: 1n }),
      () => own.eventStore.truncateStream({ stream: ada, expectedVersion: 1n, beforeVersion: 2n }),
      () => own.eventStore.eraseStream({ stream: ada, expectedVersion: 1n }),
      () => own.consumerGroups.create({ name: 'spies' }),
      () => own.commands.list(),
    ])
      await expect(write()).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
    const { grants } = await root.access.listRoles({ principal: 'eve' });
    expect(grants).toEqual([]);
  });

  it('is neither made nor dropped, by whom and from wherever', async () => {
    const name = service.accessNamespace;
    for (const { namespaces } of [root, await service.as('olaf', ['owner'])]) {
      await expect(namespaces.create(name)).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
      await expect(namespaces.drop(name, { confirm: name })).rejects.toMatchObject({
        reason: 'POLICY_DENIED',
      });
    }
    expect(await root.access.listRules()).toMatchObject({ shadow: false });
  });

  it('is closed at a service that asks nobody who they are', async () => {
    const { connection } = await serve(service.databaseUrl, {
      namespace: newSchemaName(),
      accessNamespace: service.accessNamespace,
    });
    const name = service.accessNamespace;
    const { eventStore } = connection.namespace(name);
    for (const call of [
      () => eventStore.append({ streams: [forged] }),
      () => eventStore.countEvents(),
      () => connection.namespaces.drop(name, { confirm: name }),
    ])
      await expect(call()).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
    expect(await connection.eventStore.countEvents()).toMatchObject({ count: 0n });
  });
});
