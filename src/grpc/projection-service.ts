import { create } from '@bufbuild/protobuf';
import {
  DeleteProjectionResponseSchema,
  FinishRebuildResponseSchema,
  GetProjectionResponseSchema,
  PauseProjectionResponseSchema,
  type ProjectionService,
  RebuildProjectionResponseSchema,
  ResetProjectionResponseSchema,
  ResumeProjectionResponseSchema,
  RetryAggregatesResponseSchema,
  StopProjectionResponseSchema,
  WaitForProjectionResponseSchema,
} from '../../gen/headwater/v1/projection_service_pb.js';
import type { Caller } from '../auth/caller.js';
import type { Action, Plan } from '../auth/plan.js';
import type { PageRequest } from '../core/consumer-groups.js';
import type { Projections } from '../core/projections.js';
import { validateProjectionName } from '../core/validate-projection.js';
import { toWireLogPosition } from '../wire/log-position.js';
import {
  type DeleteProjectionRequest,
  type FinishRebuildRequest,
  fromWireDeleteProjectionRequest,
  fromWireFinishRebuildRequest,
  fromWireListFailedAggregatesRequest,
  fromWireListProjectionsRequest,
  fromWireRebuildProjectionRequest,
  fromWireResetProjectionRequest,
  fromWireRetryAggregatesRequest,
  fromWireWaitForProjectionRequest,
  type ListFailedAggregatesRequest,
  type RebuildProjectionRequest,
  type ResetProjectionRequest,
  type RetryAggregatesRequest,
  toWireFailedAggregates,
  toWireProjectionList,
  type WaitForProjectionRequest,
} from '../wire/projection-control.js';
import { toWireProjection } from '../wire/projection.js';
import { projectionRunnerRpcs } from './projection-runner-rpcs.js';
import type { RpcsOf } from './register.js';
import { unary } from './unary.js';

/** The projections of a plan's namespace. */
export type ProjectionsOf = (plan: Plan) => Projections;

/** A plan with the request that it is about. */
export type ProjectionPlan<Request> = Plan & { readonly request: Request };

/** The ProjectionService: what operators ask for; what runners ask for is beside it. */
export function projectionService(projectionsOf: ProjectionsOf): RpcsOf<typeof ProjectionService> {
  return {
    ...projectionRunnerRpcs(projectionsOf),
    listProjections: unary({
      resolve: (wire, caller): ProjectionPlan<PageRequest> => ({
        ...caller,
        action: 'list-projections',
        resources: [{ kind: 'LOG' }],
        request: fromWireListProjectionsRequest(wire),
      }),
      handle: async (plan, signal) =>
        toWireProjectionList(await projectionsOf(plan).list(plan.request, { signal })),
    }),
    getProjection: unary({
      resolve: ({ name }, caller) => planOfName(caller, 'get-projection', name),
      handle: async (plan, signal) =>
        create(GetProjectionResponseSchema, {
          projection: toWireProjection(await projectionsOf(plan).get(plan.request.name, { signal })),
        }),
    }),
    pauseProjection: unary({
      resolve: ({ name }, caller) => planOfName(caller, 'pause-projection', name),
      handle: async (plan, signal) =>
        create(PauseProjectionResponseSchema, {
          projection: toWireProjection(await projectionsOf(plan).pause(plan.request.name, { signal })),
        }),
    }),
    resumeProjection: unary({
      resolve: ({ name }, caller) => planOfName(caller, 'resume-projection', name),
      handle: async (plan, signal) =>
        create(ResumeProjectionResponseSchema, {
          projection: toWireProjection(await projectionsOf(plan).resume(plan.request.name, { signal })),
        }),
    }),
    stopProjection: unary({
      resolve: ({ name }, caller) => planOfName(caller, 'stop-projection', name),
      handle: async (plan, signal) =>
        create(StopProjectionResponseSchema, {
          projection: toWireProjection(await projectionsOf(plan).stop(plan.request.name, { signal })),
        }),
    }),
    resetProjection: unary({
      resolve: (wire, caller): ProjectionPlan<ResetProjectionRequest> =>
        projectionPlan(caller, 'reset-projection', fromWireResetProjectionRequest(wire)),
      handle: async (plan, signal) =>
        create(ResetProjectionResponseSchema, {
          projection: toWireProjection(await projectionsOf(plan).reset(plan.request, { signal })),
        }),
    }),
    rebuildProjection: unary({
      resolve: (wire, caller): ProjectionPlan<RebuildProjectionRequest> =>
        projectionPlan(caller, 'rebuild-projection', fromWireRebuildProjectionRequest(wire)),
      handle: async (plan, signal) =>
        create(RebuildProjectionResponseSchema, {
          projection: toWireProjection(await projectionsOf(plan).rebuild(plan.request, { signal })),
        }),
    }),
    finishRebuild: unary({
      resolve: (wire, caller): ProjectionPlan<FinishRebuildRequest> =>
        projectionPlan(caller, 'rebuild-projection', fromWireFinishRebuildRequest(wire)),
      handle: async (plan, signal) =>
        create(FinishRebuildResponseSchema, {
          projection: toWireProjection(await projectionsOf(plan).finishRebuild(plan.request, { signal })),
        }),
    }),
    deleteProjection: unary({
      resolve: (wire, caller): ProjectionPlan<DeleteProjectionRequest> =>
        projectionPlan(caller, 'delete-projection', fromWireDeleteProjectionRequest(wire)),
      handle: async (plan, signal) =>
        create(DeleteProjectionResponseSchema, {
          deleted: await projectionsOf(plan).delete(plan.request, { signal }),
        }),
    }),
    waitForProjection: unary({
      resolve: (wire, caller): ProjectionPlan<WaitForProjectionRequest> =>
        projectionPlan(caller, 'wait-for-projection', fromWireWaitForProjectionRequest(wire)),
      handle: async (plan, signal, timeLeft) => {
        const { minPosition, name } = plan.request;
        const position = await projectionsOf(plan).waitFor(name, minPosition, { signal, ...timeLeft });
        return create(WaitForProjectionResponseSchema, { position: toWireLogPosition(position) });
      },
    }),
    listFailedAggregates: unary({
      resolve: (wire, caller): ProjectionPlan<ListFailedAggregatesRequest> =>
        projectionPlan(caller, 'list-failed-aggregates', fromWireListFailedAggregatesRequest(wire)),
      handle: async (plan, signal) =>
        toWireFailedAggregates(await projectionsOf(plan).listFailedAggregates(plan.request, { signal })),
    }),
    retryAggregates: unary({
      resolve: (wire, caller): ProjectionPlan<RetryAggregatesRequest> =>
        projectionPlan(caller, 'retry-aggregates', fromWireRetryAggregatesRequest(wire)),
      handle: async (plan, signal) =>
        create(RetryAggregatesResponseSchema, {
          aggregates: await projectionsOf(plan).retryAggregates(plan.request, { signal }),
        }),
    }),
  };
}

function planOfName(caller: Caller, action: Action, name: string): ProjectionPlan<{ readonly name: string }> {
  validateProjectionName(name);
  return projectionPlan(caller, action, { name });
}

/** Policies see which projection it is about. */
export function projectionPlan<Request extends { readonly name: string }>(
  caller: Caller,
  action: Action,
  request: Request,
): ProjectionPlan<Request> {
  return { ...caller, action, resources: [{ kind: 'PROJECTION', projection: request.name }], request };
}
