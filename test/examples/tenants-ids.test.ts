import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { domain } from '../../examples/tenants/domain.js';
import { user } from '../../examples/tenants/user.js';
import { commandOf, type CommandParts } from '../../src/index.js';
import { HOSTS, refusalOf, type RunningDomain, userWith } from './domain-hosts.js';

const root = userWith('root', 'admin in system');
const NIL = '00000000-0000-0000-0000-000000000000';

describe.each(HOSTS)('ids that the server makes, $host', ({ run }) => {
  let running: RunningDomain;
  beforeAll(async () => {
    running = await run({ name: 'tenants', domain });
  }, 60_000);
  afterAll(() => running.close());

  const create = (name: string, parts: CommandParts) =>
    running.send(root, commandOf(user, 'CreateUser', { name, email: `${name}@example.org` }, parts));

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
