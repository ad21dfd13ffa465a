import { create } from '@bufbuild/protobuf';
import {
  type ProjectionService,
  PromoteProjectionResponseSchema,
  ReleaseProjectionResponseSchema,
  SaveProjectionResponseSchema,
} from '../../gen/headwater/v1/projection_service_pb.js';
import type { Caller } from '../auth/caller.js';
import type { Plan } from '../auth/plan.js';
import type {
  AcquireRequest,
  LoadProjectionRequest,
  ProjectionLease,
  Projections,
} from '../core/projections.js';
import {
  fromWireAcquireRequest,
  fromWireLeaseName,
  fromWireLoadRequest,
  fromWireReport,
  fromWireSave,
  type LeaseReport,
  type LeaseSave,
  toWireAcquired,
  toWireOrders,
  toWireSavedProjection,
} from '../wire/projection-runner.js';
import type { RpcsOf } from './register.js';
import { unary } from './unary.js';

type LeaseName = Pick<ProjectionLease, 'name' | 'generation' | 'fence'>;
type PlanOf<Request> = Plan & { readonly request: Request };
type Rpcs = RpcsOf<typeof ProjectionService>;

/** What runners ask the ProjectionService for. Whoever may run a projection may do all of it; anybody allowed may load. */
export function projectionRunnerRpcs(
  projectionsOf: (plan: Plan) => Projections,
): Pick<
  Rpcs,
  | 'acquireProjection'
  | 'reportProjection'
  | 'saveProjection'
  | 'loadProjection'
  | 'promoteProjection'
  | 'releaseProjection'
> {
  return {
    acquireProjection: unary({
      resolve: (wire, caller): PlanOf<AcquireRequest> => {
        const request = fromWireAcquireRequest(wire);
        return { ...runPlan(caller, request.name), request };
      },
      handle: async (plan, signal) =>
        toWireAcquired(await projectionsOf(plan).acquire(plan.request, { signal })),
    }),
    reportProjection: unary({
      resolve: (wire, caller): PlanOf<LeaseReport> => {
        const request = fromWireReport(wire);
        return { ...runPlan(caller, request.lease.name), request };
      },
      handle: async (plan, signal) => {
        const { lease, report } = plan.request;
        return toWireOrders(await projectionsOf(plan).report(lease, report, { signal }));
      },
    }),
    saveProjection: unary({
      resolve: (wire, caller): PlanOf<LeaseSave> => {
        const request = fromWireSave(wire);
        return { ...runPlan(caller, request.lease.name), request };
      },
      handle: async (plan, signal) => {
        const { lease, save } = plan.request;
        await projectionsOf(plan).save(lease, save, { signal });
        return create(SaveProjectionResponseSchema);
      },
    }),
    loadProjection: unary({
      resolve: (wire, caller): PlanOf<LoadProjectionRequest> => {
        const request = fromWireLoadRequest(wire);
        const resources = [{ kind: 'PROJECTION', projection: request.name }] as const;
        return { ...caller, action: 'load-projection', resources, request };
      },
      handle: async (plan, signal, timeLeft) =>
        toWireSavedProjection(await projectionsOf(plan).load(plan.request, { signal, ...timeLeft })),
    }),
    promoteProjection: unary({
      resolve: (wire, caller): PlanOf<LeaseName> => {
        const request = fromWireLeaseName(wire);
        return { ...runPlan(caller, request.name), request };
      },
      handle: async (plan, signal) => {
        await projectionsOf(plan).promote(plan.request, { signal });
        return create(PromoteProjectionResponseSchema);
      },
    }),
    releaseProjection: unary({
      resolve: (wire, caller): PlanOf<{ readonly lease: LeaseName; readonly deleted: boolean }> => {
        const lease = fromWireLeaseName(wire);
        return { ...runPlan(caller, lease.name), request: { lease, deleted: wire.deleted } };
      },
      handle: async (plan, signal) => {
        const { deleted, lease } = plan.request;
        await projectionsOf(plan).release(lease, { deleted }, { signal });
        return create(ReleaseProjectionResponseSchema);
      },
    }),
  };
}

function runPlan(caller: Caller, projection: string): Plan {
  return { ...caller, action: 'run-projection', resources: [{ kind: 'PROJECTION', projection }] };
}
