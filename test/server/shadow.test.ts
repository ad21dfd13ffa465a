import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Connection } from '../../src/client/connect.js';
import type { LogFields, Logger } from '../../src/core/logger.js';
import { eventsOf } from '../../src/core/load.js';
import { newEvent, to } from '../../src/testing/builders.js';
import { type Authenticated, openAuthenticated } from './authenticated.js';

const logged: { readonly message: string; readonly fields: LogFields }[] = [];
const log = (message: string, fields: LogFields = {}) => {
  logged.push({ message, fields });
};
const logger: Logger = { debug: log, info: log, warn: log, error: log };
let service: Authenticated;
let root: Connection;
let eve: Connection;

beforeAll(async () => {
  service = await openAuthenticated({
    rules: [
      {
        name: 'europe',
        roles: ['clerk'],
        actions: ['read'],
        streams: [{ aggregateType: 'Order', aggregateIdPrefix: 'eu-' }],
      },
    ],
    flags: { accessShadow: true },
    logger,
  });
  root = await service.as('root');
  eve = await service.as('eve');
});
afterAll(() => service.close());

const order = (aggregateId: string) => ({ aggregateType: 'Order', aggregateId });
const append = (by: Connection, id: string) =>
  by.eventStore.append({ streams: [to(order(id), 'ANY', newEvent({ json: 1 }))] });

it('what would be refused is let through, logged within a second and audited', async () => {
  for (const id of ['eu-1', 'us-1']) await append(eve, id);
  await expect
    .poll(() => logged.filter(({ message }) => message === 'Would be refused'), { timeout: 10_000 })
    .toContainEqual({
      message: 'Would be refused',
      fields: {
        principal: 'eve',
        action: 'append',
        namespace: service.namespace,
        because: 'they have no role',
        count: expect.any(Number) as number,
        peer: '127.0.0.1',
      },
    });
  const entries = async () => {
    const found = [];
    for await (const page of root.access.readAudit({ principal: 'eve', refusedOnly: true }))
      found.push(...page);
    return found;
  };
  await expect
    .poll(entries, { timeout: 10_000 })
    .toContainEqual(
      expect.objectContaining({ principal: 'eve', action: 'append', allowed: false, shadow: true }),
    );
});

it('what would be narrowed is shown as a whole, and told', async () => {
  const clerk = await service.as('cleo', ['clerk']);
  const seen: string[] = [];
  for await (const { stream } of eventsOf(clerk.eventStore.load({}))) seen.push(stream.aggregateId);
  expect(seen).toEqual(expect.arrayContaining(['eu-1', 'us-1']));
  await expect
    .poll(() => logged.filter(({ message }) => message === 'Would be narrowed'), { timeout: 10_000 })
    .toContainEqual({
      message: 'Would be narrowed',
      fields: expect.objectContaining({
        principal: 'cleo',
        action: 'load',
        because: 'europe; would see only Order/eu-*',
      }) as LogFields,
    });
});

it('what goes on is not ended by a change of roles', async () => {
  const stop = new AbortController();
  const positions: bigint[] = [];
  let caughtUp = false;
  const followed = (async () => {
    for await (const { events, signal } of eve.eventStore.subscribe({}, { signal: stop.signal })) {
      caughtUp ||= signal?.kind === 'CAUGHT_UP';
      positions.push(...events.map(({ position }) => position));
    }
  })().catch((error: unknown) => error);
  await expect.poll(() => caughtUp).toBe(true);
  await root.access.grantRole('someone', { role: 'clerk', scope: 'system' });
  const { lastPosition } = await append(eve, 'eu-9');
  await expect.poll(() => positions).toContain(lastPosition);
  stop.abort(new Error('enough'));
  await followed;
});

it('who may what is changed by nobody who may not: it would outlast the watching', async () => {
  const admin = { role: 'admin', scope: 'system' };
  const { tokens } = await root.access.listTokens();
  expect(tokens).toEqual([]);
  for (const change of [
    () => eve.access.grantRole('eve', admin),
    () => eve.access.revokeRole('root', admin),
    () => eve.access.createToken({ name: 'x', principal: 'eve', bindings: [admin] }),
    () => eve.access.revokeToken('0'.repeat(18)),
    () => eve.namespaces.drop(service.accessNamespace, { confirm: service.accessNamespace }),
    () => eve.namespace(service.accessNamespace).eventStore.countEvents(),
  ])
    await expect(change()).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
  expect(await eve.access.explainAccess({ action: 'append' })).toMatchObject({ allowed: false });
});

it('whoever does not say who they are is not let in', async () => {
  await expect(service.with(undefined).eventStore.countEvents()).rejects.toMatchObject({
    reason: 'UNAUTHENTICATED',
  });
});
