import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { domain } from '../../examples/tenants/domain.js';
import { serverMadeIds } from '../../examples/tenants/server-made-ids.js';
import { user } from '../../examples/tenants/user.js';
import { AggregateManager, commandOf, type CommandParts, systemRuntime } from '../../src/index.js';
import { createMemoryEventStore } from '../../src/testing/index.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { refusalOf, userWith } from './domain-hosts.js';

const root = userWith('root', 'admin in system');
const NIL = '00000000-0000-0000-0000-000000000000';

describe.each(['in memory', 'on Postgres'])('ids that the server makes, %s', (where) => {
  let test: Pick<TestStore, 'close'> | undefined;
  let manager: AggregateManager;
  beforeAll(async () => {
    const onPostgres = where === 'on Postgres' ? await openTestStore() : undefined;
    test = onPostgres;
    const store = onPostgres?.store ?? createMemoryEventStore({ runtime: systemRuntime });
    const creating = new Set(['CreateUser', 'CreateTenant', 'CreateUserRoleBinding']);
    manager = new AggregateManager({
      store,
      registry: domain,
      runtime: systemRuntime,
      hash: (bytes) => createHash('sha256').update(bytes).digest(),
      middleware: [serverMadeIds({ store, newId: () => systemRuntime.newEventId(), creating })],
    });
  });
  afterAll(() => test?.close());

  const create = (name: string, parts: CommandParts) =>
    manager.execute(commandOf(user, 'CreateUser', { name, email: `${name}@example.org` }, parts), {
      principal: root,
    });

  it('replace the nil id, as often as it is sent', async () => {
    const [ada, bob] = [await create('ada', { aggregateId: NIL }), await create('bob', { aggregateId: NIL })];
    expect([ada.version, bob.version]).toEqual([1n, 1n]);
    expect(new Set([NIL, ada.aggregate.aggregateId, bob.aggregate.aggregateId]).size).toBe(3);
  });

  it('replace an id that nobody has', async () => {
    const { aggregate, version } = await create('cleo', { aggregateId: 'mine' });
    expect(aggregate.aggregateId).not.toBe('mine');
    expect(version).toBe(1n);
  });

  it('do not replace one that somebody has', async () => {
    const { aggregate } = await create('dora', {});
    expect(await refusalOf(create('dorothy', { aggregateId: aggregate.aggregateId }))).toBe(
      'ALREADY_EXISTS USER_EXISTS',
    );
  });

  it('are the same when the command is sent again', async () => {
    const parts = { aggregateId: NIL, commandId: 'form-1' };
    const first = await create('eve', parts);
    expect(await create('eve', parts)).toEqual({ ...first, deduplicated: true });
  });
});
