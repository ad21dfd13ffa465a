import { create, type DescMessage, type DescMethodUnary, type MessageShape } from '@bufbuild/protobuf';
import {
  GetProjectionRequestSchema,
  PauseProjectionRequestSchema,
  ProjectionService,
  PromoteProjectionRequestSchema,
  ReleaseProjectionRequestSchema,
  ResumeProjectionRequestSchema,
  StopProjectionRequestSchema,
} from '../../gen/headwater/v1/projection_service_pb.js';
import type { CallOptions } from '../core/call-options.js';
import type { PageRequest } from '../core/consumer-groups.js';
import type {
  Acquired,
  AcquireRequest,
  FailedAggregates,
  LoadProjectionRequest,
  Projection,
  ProjectionLease,
  ProjectionList,
  ProjectionOrders,
  ProjectionReport,
  Projections,
  ProjectionSave,
  SavedProjection,
} from '../core/projections.js';
import type { LogPosition } from '../core/subscribe.js';
import {
  validateAcquire,
  validateLease,
  validateLoadProjection,
  validateProjectionName,
  validateProjectionPage,
  validateReport,
  validateRetryAggregates,
  validateSave,
  validateWaitFor,
} from '../core/validate-projection.js';
import { fromWireLogPosition } from '../wire/log-position.js';
import {
  type DeleteProjectionRequest,
  type FinishRebuildRequest,
  fromWireFailedAggregates,
  fromWireProjectionList,
  type ListFailedAggregatesRequest,
  type RebuildProjectionRequest,
  type ResetProjectionRequest,
  type RetryAggregatesRequest,
  toWireDeleteProjectionRequest,
  toWireFinishRebuildRequest,
  toWireListFailedAggregatesRequest,
  toWireListProjectionsRequest,
  toWireRebuildProjectionRequest,
  toWireResetProjectionRequest,
  toWireRetryAggregatesRequest,
  toWireWaitForProjectionRequest,
} from '../wire/projection-control.js';
import {
  fromWireAcquired,
  fromWireOrders,
  fromWireSavedProjection,
  toWireAcquireRequest,
  toWireLeaseName,
  toWireLoadRequest,
  toWireReport,
  toWireSave,
} from '../wire/projection-runner.js';
import { fromWireProjection } from '../wire/projection.js';
import { ask, type AskParts } from './ask.js';

type LeaseName = Pick<ProjectionLease, 'name' | 'generation' | 'fence'>;

const rpc = ProjectionService.method;

export interface ProjectionsClientParts extends AskParts {
  /** Milliseconds for which a request is tried. */
  readonly timeoutMs: number;
}

/**
 * Projections of a service: what operators want of them, and the leases and states of their runners. What waits for a
 * position waits until shortly before `timeoutMilliseconds`, on the side of the service.
 *
 * @example
 * const { live, status } = await connection.projections.get('balances');
 * console.log(status, live.lag);
 */
export class ProjectionsClient implements Projections {
  readonly #parts: ProjectionsClientParts;

  constructor(parts: ProjectionsClientParts) {
    this.#parts = parts;
  }

  async list(request: PageRequest = {}, options?: CallOptions): Promise<ProjectionList> {
    validateProjectionPage(request);
    const wire = toWireListProjectionsRequest(request);
    return fromWireProjectionList(await this.#ask(rpc.listProjections, wire, options));
  }

  async get(name: string, options?: CallOptions): Promise<Projection> {
    validateProjectionName(name);
    const wire = create(GetProjectionRequestSchema, { name });
    return fromWireProjection((await this.#ask(rpc.getProjection, wire, options)).projection);
  }

  async pause(name: string, options?: CallOptions): Promise<Projection> {
    validateProjectionName(name);
    const wire = create(PauseProjectionRequestSchema, { name });
    return fromWireProjection((await this.#ask(rpc.pauseProjection, wire, options)).projection);
  }

  async resume(name: string, options?: CallOptions): Promise<Projection> {
    validateProjectionName(name);
    const wire = create(ResumeProjectionRequestSchema, { name });
    return fromWireProjection((await this.#ask(rpc.resumeProjection, wire, options)).projection);
  }

  async stop(name: string, options?: CallOptions): Promise<Projection> {
    validateProjectionName(name);
    const wire = create(StopProjectionRequestSchema, { name });
    return fromWireProjection((await this.#ask(rpc.stopProjection, wire, options)).projection);
  }

  async reset(request: ResetProjectionRequest, options?: CallOptions): Promise<Projection> {
    validateProjectionName(request.name);
    const wire = toWireResetProjectionRequest(request);
    return fromWireProjection((await this.#once(rpc.resetProjection, wire, options)).projection);
  }

  async rebuild(request: RebuildProjectionRequest, options?: CallOptions): Promise<Projection> {
    validateProjectionName(request.name);
    const wire = toWireRebuildProjectionRequest(request);
    return fromWireProjection((await this.#once(rpc.rebuildProjection, wire, options)).projection);
  }

  async finishRebuild(request: FinishRebuildRequest, options?: CallOptions): Promise<Projection> {
    validateProjectionName(request.name);
    const wire = toWireFinishRebuildRequest(request);
    return fromWireProjection((await this.#once(rpc.finishRebuild, wire, options)).projection);
  }

  async delete(request: DeleteProjectionRequest, options?: CallOptions): Promise<boolean> {
    validateProjectionName(request.name);
    const wire = toWireDeleteProjectionRequest(request);
    return (await this.#once(rpc.deleteProjection, wire, options)).deleted;
  }

  async waitFor(name: string, minPosition: LogPosition, options?: CallOptions): Promise<LogPosition> {
    validateWaitFor(name, minPosition);
    const wire = toWireWaitForProjectionRequest({ name, minPosition });
    const { position } = await this.#ask(rpc.waitForProjection, wire, options);
    return fromWireLogPosition(position ?? { position: 0n, epoch: 0n });
  }

  async listFailedAggregates(
    request: ListFailedAggregatesRequest,
    options?: CallOptions,
  ): Promise<FailedAggregates> {
    validateProjectionPage(request);
    const wire = toWireListFailedAggregatesRequest(request);
    return fromWireFailedAggregates(await this.#ask(rpc.listFailedAggregates, wire, options));
  }

  async retryAggregates(request: RetryAggregatesRequest, options?: CallOptions): Promise<bigint> {
    validateRetryAggregates(request);
    const wire = toWireRetryAggregatesRequest(request);
    return (await this.#ask(rpc.retryAggregates, wire, options)).aggregates;
  }

  async acquire(request: AcquireRequest, options?: CallOptions): Promise<Acquired> {
    validateAcquire(request);
    const wire = toWireAcquireRequest(request);
    return fromWireAcquired(await this.#ask(rpc.acquireProjection, wire, options), request.name);
  }

  async report(lease: LeaseName, report: ProjectionReport, options?: CallOptions): Promise<ProjectionOrders> {
    validateReport(lease, report);
    const wire = toWireReport({ lease, report });
    return fromWireOrders(await this.#ask(rpc.reportProjection, wire, options));
  }

  async save(lease: LeaseName, save: ProjectionSave, options?: CallOptions): Promise<void> {
    validateSave(lease, save);
    await this.#ask(rpc.saveProjection, toWireSave({ lease, save }), options);
  }

  async load(request: LoadProjectionRequest, options?: CallOptions): Promise<SavedProjection> {
    validateLoadProjection(request);
    const wire = toWireLoadRequest(request);
    return fromWireSavedProjection(await this.#ask(rpc.loadProjection, wire, options));
  }

  async promote(lease: LeaseName, options?: CallOptions): Promise<void> {
    validateLease(lease);
    const wire = create(PromoteProjectionRequestSchema, toWireLeaseName(lease));
    await this.#ask(rpc.promoteProjection, wire, options);
  }

  async release(
    lease: LeaseName,
    { deleted = false }: { readonly deleted?: boolean } = {},
    options?: CallOptions,
  ): Promise<void> {
    validateLease(lease);
    const wire = create(ReleaseProjectionRequestSchema, { ...toWireLeaseName(lease), deleted });
    await this.#ask(rpc.releaseProjection, wire, options);
  }

  /** What may be sent twice: the second time it changes nothing more. */
  #ask<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageShape<Input>,
    { signal, timeoutMilliseconds: timeoutMs = this.#parts.timeoutMs }: CallOptions = {},
  ): Promise<MessageShape<Output>> {
    return ask(this.#parts, method, request, { timeoutMs, signal });
  }

  /** What would fail the second time because it was done, or be done twice. */
  #once<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageShape<Input>,
    { signal, timeoutMilliseconds: timeoutMs = this.#parts.timeoutMs }: CallOptions = {},
  ): Promise<MessageShape<Output>> {
    return ask(this.#parts, method, request, { timeoutMs, signal, idempotent: false });
  }
}
