import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProjectionKind } from '../../gen/headwater/v1/projection_pb.js';
import { ProjectionService } from '../../gen/headwater/v1/projection_service_pb.js';
import type { Plan } from '../../src/auth/plan.js';
import {
  DeadlineExceededError,
  InvalidRequestError,
  PositionNotReachedError,
} from '../../src/core/errors.js';
import { LeaseLostError, ProjectionNotFoundError } from '../../src/core/follower-errors.js';
import type { Projections } from '../../src/core/projections.js';
import { oneNamespace } from '../../src/grpc/served-namespaces.js';
import { projectionsOn } from '../postgres/projections/projections-on.js';
import { openTestStore, type TestStore } from '../support/test-database.js';
import { trustEverybody } from '../../src/grpc/desk.js';
import { failureOf, startService, type TestService, unary } from './service.js';

const rpc = ProjectionService.method;
const NOT_FOUND = 5;
const DEADLINE_EXCEEDED = 4;
const ABORTED = 10;
const INVALID_ARGUMENT = 3;
let test: TestStore;
let projections: Projections;
let name: string;
let tests = 0;

beforeAll(async () => {
  test = await openTestStore();
  projections = projectionsOn(test, 60_000);
});
afterAll(() => test.close());
beforeEach(() => {
  tests += 1;
  name = `balances ${tests}`;
});

const serve = (seen: Plan[] = []): Promise<TestService> =>
  startService(test.store, {
    namespaces: oneNamespace(test.store, 'test', { projections }),
    access: {
      ...trustEverybody,
      decide: (plan) => {
        seen.push(plan);
        return trustEverybody.decide(plan);
      },
    },
  });

const runner = { kind: ProjectionKind.STATE, runner: 'host 7', runnerId: 'one' };

describe('the plan of a call about projections', () => {
  it('names what is done to which projection', async () => {
    const seen: Plan[] = [];
    const { raw } = await serve(seen);
    const { leases } = await unary(raw, rpc.acquireProjection, { name, ...runner });
    const [had] = leases;
    if (had === undefined) throw new Error('No lease');
    const lease = { name, generation: had.generation, fence: had.fence };
    const position = { position: 0n };
    await unary(raw, rpc.reportProjection, lease);
    await unary(raw, rpc.saveProjection, { ...lease, position });
    await unary(raw, rpc.promoteProjection, lease);
    await unary(raw, rpc.loadProjection, { name });
    await unary(raw, rpc.getProjection, { name });
    await unary(raw, rpc.pauseProjection, { name });
    await unary(raw, rpc.stopProjection, { name });
    await unary(raw, rpc.resumeProjection, { name });
    await unary(raw, rpc.resetProjection, { name });
    await unary(raw, rpc.rebuildProjection, { name });
    await unary(raw, rpc.finishRebuild, { name });
    await unary(raw, rpc.waitForProjection, { name, minPosition: position });
    await unary(raw, rpc.listFailedAggregates, { name });
    await unary(raw, rpc.retryAggregates, { name });
    await unary(raw, rpc.releaseProjection, lease);
    await unary(raw, rpc.deleteProjection, { name });
    for (const { resources } of seen) expect(resources).toEqual([{ kind: 'PROJECTION', projection: name }]);
    expect(seen.map(({ action }) => action)).toEqual([
      'run-projection',
      'run-projection',
      'run-projection',
      'run-projection',
      'load-projection',
      'get-projection',
      'pause-projection',
      'stop-projection',
      'resume-projection',
      'reset-projection',
      'rebuild-projection',
      'rebuild-projection',
      'wait-for-projection',
      'list-failed-aggregates',
      'retry-aggregates',
      'run-projection',
      'delete-projection',
    ]);
    await unary(raw, rpc.listProjections, {});
    expect(seen.at(-1)).toMatchObject({ action: 'list-projections', resources: [{ kind: 'LOG' }] });
  });
});

describe('a call about projections', () => {
  it('fails with a status that any client understands', async () => {
    const { raw } = await serve();
    expect(await failureOf(unary(raw, rpc.getProjection, { name }))).toEqual({
      code: NOT_FOUND,
      error: new ProjectionNotFoundError(name),
    });
    const lost = await failureOf(unary(raw, rpc.reportProjection, { name, generation: 1n, fence: 7n }));
    expect(lost).toEqual({ code: ABORTED, error: new LeaseLostError(name, 7n) });
  });

  it('is refused without what is required, with the names of the fields', async () => {
    const { raw } = await serve();
    const fieldsOf = async (call: Promise<unknown>) => {
      const { code, error } = await failureOf(call);
      expect(code).toBe(INVALID_ARGUMENT);
      return error instanceof InvalidRequestError ? error.violations.map(({ field }) => field) : [];
    };
    expect(await fieldsOf(unary(raw, rpc.acquireProjection, { name, runnerId: 'one' }))).toEqual(['kind']);
    expect(await fieldsOf(unary(raw, rpc.acquireProjection, { name, ...runner, runnerId: '' }))).toEqual([
      'runner_id',
    ]);
    const lease = { name, generation: 1n, fence: 1n };
    expect(await fieldsOf(unary(raw, rpc.saveProjection, lease))).toEqual(['position']);
    expect(await fieldsOf(unary(raw, rpc.reportProjection, { name, generation: 1n }))).toEqual(['fence']);
    expect(await fieldsOf(unary(raw, rpc.reportProjection, { ...lease, failure: {} }))).toEqual([
      'failure.failed_at',
    ]);
    expect(await fieldsOf(unary(raw, rpc.waitForProjection, { name }))).toEqual(['min_position']);
    expect(await fieldsOf(unary(raw, rpc.listProjections, { pageSize: 1001 }))).toEqual(['page_size']);
    expect(await fieldsOf(unary(raw, rpc.getProjection, {}))).toEqual(['name']);
  });

  it('that waits answers why before the deadline of its caller', async () => {
    const { raw } = await serve();
    await unary(raw, rpc.acquireProjection, { name, ...runner });
    const appended = await test.store.append({
      streams: [
        {
          stream: { aggregateType: 'Account', aggregateId: name },
          expectedVersion: 'ANY',
          events: [{ eventType: 'Opened', data: Buffer.from('{}') }],
        },
      ],
    });
    const minPosition = { position: appended.lastPosition };
    const { code, error } = await failureOf(
      unary(raw, rpc.waitForProjection, { name, minPosition }, { deadlineMs: 3000 }),
    );
    expect(error).not.toBeInstanceOf(DeadlineExceededError);
    expect(code).not.toBe(DEADLINE_EXCEEDED);
    expect(error).toEqual(new PositionNotReachedError(appended.lastPosition, 0n));
  });

  it('is refused in a namespace that is served without', async () => {
    const { raw } = await startService(test.store);
    expect(await failureOf(unary(raw, rpc.listProjections, {}))).toMatchObject({
      code: INVALID_ARGUMENT,
      error: { reason: 'INVALID_REQUEST' },
    });
  });
});
