import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsumerGroupService } from '../../gen/headwater/v1/consumer_group_service_pb.js';
import type { Plan } from '../../src/auth/plan.js';
import { PolicyDeniedError } from '../../src/core/errors.js';
import { GroupExistsError } from '../../src/core/follower-errors.js';
import type { GrpcServerOptions } from '../../src/grpc/server.js';
import { type GroupLog, openGroupLog } from '../support/group-log.js';
import { openConsumer } from './raw-consumer.js';
import { denying, failureOf, startService, storeThat, unary } from './service.js';

const rpcs = ConsumerGroupService.method;
let log: GroupLog;
beforeAll(async () => {
  log = await openGroupLog();
});
afterAll(() => log.close());

const serve = (options: Partial<GrpcServerOptions> = {}) =>
  startService(log.store, { namespaces: log.namespaces(), ...options });

describe('groups', () => {
  it('are created once, changed, listed by name, moved and deleted', async () => {
    const { raw } = await serve();
    const name = log.newName();
    await log.append(name, 3);
    const scope = { case: 'aggregateTypes' as const, value: { aggregateTypes: [name] } };
    const first = await unary(raw, rpcs.createGroup, { name, selection: { scope }, slots: 8 });
    expect(first.created).toBe(true);
    const again = await unary(raw, rpcs.createGroup, { name, selection: { scope }, slots: 8 });
    expect(again).toMatchObject({
      created: false,
      group: { name, slots: 8, settings: { maxAttempts: 10, ackTimeout: { seconds: 60n } } },
    });
    const other = await failureOf(unary(raw, rpcs.createGroup, { name, slots: 9 }));
    expect(other).toMatchObject({ code: 6, error: new GroupExistsError(name) });
    const updated = await unary(raw, rpcs.updateGroup, { name, settings: { maxAttempts: 3 } });
    expect(updated.group).toMatchObject({ settings: { maxAttempts: 3 }, selection: { scope } });
    const names: string[] = [];
    for (let pageToken = ''; ; ) {
      const page = await unary(raw, rpcs.listGroups, { pageSize: 2, pageToken });
      names.push(...page.groups.map((group) => group.name));
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    expect(names).toContain(name);
    expect(names).toEqual([...names].sort());
    const moved = await unary(raw, rpcs.resetGroup, {
      name,
      start: { start: { case: 'fromEnd', value: {} } },
    });
    const { lag, position } = await unary(raw, rpcs.getGroup, { name });
    expect([lag, position?.position]).toEqual([0n, moved.position?.position]);
    await unary(raw, rpcs.deleteGroup, { name });
    const failures = [
      unary(raw, rpcs.getGroup, { name }),
      unary(raw, rpcs.deleteGroup, { name }),
      unary(raw, rpcs.updateGroup, { name }),
      unary(raw, rpcs.resetGroup, { name }),
      unary(raw, rpcs.listParked, { group: name }),
      unary(raw, rpcs.replayParked, { group: name }),
    ].map(failureOf);
    for (const failure of failures)
      expect(await failure).toMatchObject({ code: 5, error: { reason: 'GROUP_NOT_FOUND' } });
  });

  it('with long selections come in pages that fit into a message', async () => {
    const { raw } = await serve();
    const prefix = log.newName();
    const eventTypes = Array.from({ length: 100 }, (_, index) => `${index}-${'x'.repeat(240)}`);
    const filters = Array.from({ length: 10 }, () => ({ eventTypes }));
    for (let index = 0; index < 12; index++)
      await unary(raw, rpcs.createGroup, { name: `${prefix}-${index}`, selection: { filters } });
    let found = 0;
    let pages = 0;
    for (let pageToken = ''; ; ) {
      const page = await unary(raw, rpcs.listGroups, { pageSize: 1000, pageToken });
      pages += 1;
      found += page.groups.filter(({ name }) => name.startsWith(prefix)).length;
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    expect(found).toBe(12);
    expect(pages).toBeGreaterThan(1);
    for (let index = 0; index < 12; index++)
      await unary(raw, rpcs.deleteGroup, { name: `${prefix}-${index}` });
  });

  it('are nobody’s without a policy that allows it, and reading by them is reading', async () => {
    const plans: Pick<Plan, 'action' | 'resources'>[] = [];
    const { raw } = await serve({
      access: {
        ...denying,
        decide: (plan) => {
          const { action, resources } = plan;
          plans.push({ action, resources });
          return denying.decide(plan);
        },
      },
    });
    const consumer = openConsumer(raw);
    consumer.say({ case: 'join', value: { group: 'g' } });
    expect(await consumer.ended).toMatchObject({ code: 7, error: new PolicyDeniedError('consume') });
    const stream = { aggregateType: 'T', aggregateId: '1' };
    const selection = { scope: { case: 'stream' as const, value: stream } };
    const calls = [
      unary(raw, rpcs.createGroup, { name: 'g' }),
      unary(raw, rpcs.createGroup, { name: 'g', selection }),
      unary(raw, rpcs.updateGroup, { name: 'g' }),
      unary(raw, rpcs.updateGroup, { name: 'g', selection }),
      unary(raw, rpcs.deleteGroup, { name: 'g' }),
      unary(raw, rpcs.getGroup, { name: 'g' }),
      unary(raw, rpcs.listGroups, {}),
      unary(raw, rpcs.listParked, { group: 'g' }),
      unary(raw, rpcs.replayParked, { group: 'g' }),
      unary(raw, rpcs.resetGroup, { name: 'g' }),
    ];
    for (const call of calls) expect(await failureOf(call)).toMatchObject({ code: 7 });
    const group = { kind: 'CONSUMER_GROUP', group: 'g' };
    expect(plans).toEqual([
      // What a group is about that is not there nobody knows, so it is asked for as if it were about all.
      { action: 'consume', resources: [group, { kind: 'LOG' }] },
      { action: 'create-group', resources: [group, { kind: 'LOG' }] },
      { action: 'create-group', resources: [group, { kind: 'STREAM', stream }] },
      { action: 'update-group', resources: [group] },
      { action: 'update-group', resources: [group, { kind: 'STREAM', stream }] },
      { action: 'delete-group', resources: [group] },
      { action: 'get-group', resources: [group] },
      { action: 'list-groups', resources: [{ kind: 'LOG' }] },
      { action: 'list-parked', resources: [group] },
      { action: 'replay-parked', resources: [group] },
      { action: 'reset-group', resources: [group] },
    ]);
  });

  it('are refused where a namespace is served without them', async () => {
    const { raw } = await startService(storeThat({}));
    expect(await failureOf(unary(raw, rpcs.getGroup, { name: 'g' }))).toMatchObject({
      code: 3,
      error: { reason: 'INVALID_REQUEST' },
    });
  });
});
