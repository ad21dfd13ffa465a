import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import type { AuditEntry, ReadAuditRequest } from '../../src/auth/access-admin.js';
import type { Connection } from '../../src/client/connect.js';
import { eventsOf } from '../../src/core/load.js';
import { newEvent, to } from '../../src/testing/builders.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase, storeOn } from '../support/test-database.js';
import { type Authenticated, openAuthenticated } from './authenticated.js';
import { serve } from './service.js';

const RULES = [
  { name: 'writers', roles: ['writer'], actions: ['read', 'append'], streams: [{ aggregateType: 'Order' }] },
];
const order = (aggregateId: string) => ({ aggregateType: 'Order', aggregateId });
const append = (by: Connection, ...ids: string[]) =>
  by.eventStore.append({ streams: ids.map((id) => to(order(id), 'ANY', newEvent({ json: 1 }))) });

async function read(by: Connection, request: ReadAuditRequest = {}): Promise<readonly AuditEntry[]> {
  const found: AuditEntry[] = [];
  for await (const entries of by.access.readAudit(request)) found.push(...entries);
  return found;
}

describe('with every call audited', () => {
  let service: Authenticated;
  let root: Connection;
  beforeAll(async () => {
    service = await openAuthenticated({ rules: RULES, flags: { audit: 'all' } });
    root = await service.as('root');
    const ada = await service.as('ada', ['writer']);
    await append(ada, '1', '2');
    for (let number = 0; number < 20; number += 1) await ada.eventStore.getStream(order('1'));
    await expect(ada.eventStore.getStream({ aggregateType: 'Secret', aggregateId: '1' })).rejects.toThrow(
      'No policy allows get-stream',
    );
    await expect(service.with(undefined).eventStore.getLog()).rejects.toThrow('no credentials');
  });
  afterAll(() => service.close());

  it('it is read by user, newest first, seconds later', async () => {
    const isThere = async () => (await read(root, { principal: 'ada' })).some(({ allowed }) => !allowed);
    await expect.poll(isThere, { timeout: 10_000 }).toBe(true);
    const entries = await read(root, { principal: 'ada' });
    expect(new Set(entries.map(({ principal }) => principal))).toEqual(new Set(['ada']));
    const times = entries.map(({ at }) => at);
    expect(times).toEqual([...times].sort((one, other) => Number(other - one)));
    expect(entries).toContainEqual({
      at: expect.any(BigInt) as bigint,
      principal: 'ada',
      authenticatedBy: 'jwt',
      action: 'append',
      namespace: service.namespace,
      resources: [
        { kind: 'STREAM', stream: order('1') },
        { kind: 'STREAM', stream: order('2') },
      ],
      allowed: true,
      because: 'writers',
      count: 1,
      peer: '127.0.0.1',
      shadow: false,
    });
  });

  it('what is the same within a second is counted', async () => {
    const reads = (await read(root, { principal: 'ada' })).filter(
      ({ action, allowed }) => action === 'get-stream' && allowed,
    );
    expect(reads.reduce((sum, { count }) => sum + count, 0)).toBe(20);
    expect(reads.length).toBeLessThan(20);
  });

  it('it is read by stream, by what was refused, and by date', async () => {
    const about2 = await read(root, { stream: order('2') });
    expect(about2.map(({ action }) => action)).toEqual(['append']);
    const [refused, ...more] = await read(root, { principal: 'ada', refusedOnly: true });
    expect(more).toEqual([]);
    expect(refused).toMatchObject({
      action: 'get-stream',
      allowed: false,
      because: 'the rules for their roles are about other things',
    });
    const at = refused?.at ?? 0n;
    expect(await read(root, { refusedOnly: true, principal: 'ada', from: at, to: at })).toEqual([refused]);
    expect(await read(root, { refusedOnly: true, principal: 'ada', from: at + 1n })).toEqual([]);
    expect(await read(root, { refusedOnly: true, principal: 'ada', to: at - 1n })).toEqual([]);
    expect(await read(root, { limit: 2 })).toHaveLength(2);
  });

  it('who did not come in is told by address', async () => {
    const strangers = (await read(root, { refusedOnly: true })).filter(({ principal }) => principal === '');
    expect(strangers).toContainEqual(
      expect.objectContaining({
        action: 'authenticate',
        authenticatedBy: 'none',
        because: 'There are no credentials: send a token in the header authorization',
        peer: '127.0.0.1',
      }),
    );
  });
});

describe('with changes audited', () => {
  let service: Authenticated;
  beforeAll(async () => {
    service = await openAuthenticated({ rules: RULES });
  });
  afterAll(() => service.close());

  it('what administrators did and what was refused is there when the service has stopped, and usual calls are not', async () => {
    const root = await service.as('root');
    const ada = await service.as('ada', ['writer']);
    await append(ada, '1');
    await root.access.grantRole('bea', { role: 'writer', scope: 'system' });
    await expect(
      ada.eventStore.deleteStream({ stream: order('1'), expectedVersion: 1n }),
    ).rejects.toMatchObject({
      reason: 'POLICY_DENIED',
    });
    await service.services[0]?.stop();
    const database = openDatabase();
    onTestFinished(() => database.close());
    const log = storeOn({ database, schema: service.accessNamespace });
    const found: { readonly action: string; readonly principal: string; readonly allowed: boolean }[] = [];
    const scope = { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Audit'] } as const;
    for await (const { data } of eventsOf(log.load({ scope })))
      found.push(JSON.parse(new TextDecoder().decode(data)) as (typeof found)[number]);
    expect(found.map(({ action, allowed, principal }) => [principal, action, allowed])).toEqual([
      ['root', 'grant-role', true],
      ['ada', 'delete-stream', false],
    ]);
  });
});

it('a service without an access file says so', async () => {
  const { connection } = await serve(urlOf(inject('connection')), { namespace: newSchemaName() });
  const { access } = connection;
  const binding = { role: 'a', scope: 's' };
  for (const ask of [
    () => access.createToken({ name: 'x', principal: 'x', bindings: [binding] }),
    () => access.listTokens(),
    () => access.revokeToken('x'),
    () => access.grantRole('x', binding),
    () => access.revokeRole('x', binding),
    () => access.listRoles(),
    () => access.listRules(),
    () => access.whoCan({ action: 'load' }),
    () => access.explainAccess({ action: 'load' }),
    () => read(connection),
  ])
    await expect(ask()).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      violations: [
        { field: 'service', description: 'authenticates nobody: it was started without --access-file' },
      ],
    });
});
