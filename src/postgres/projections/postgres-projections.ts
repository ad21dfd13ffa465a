import type { CallOptions } from '../../core/call-options.js';
import type { PageRequest } from '../../core/consumer-groups.js';
import { HeadwaterError, type Outcome } from '../../core/errors.js';
import type { Log } from '../../core/log.js';
import type {
  Acquired,
  AcquireRequest,
  FailedAggregates,
  LoadProjectionRequest,
  Projection,
  ProjectionList,
  ProjectionOrders,
  ProjectionReport,
  Projections,
  ProjectionSave,
  SavedProjection,
} from '../../core/projections.js';
import type { Runtime } from '../../core/runtime.js';
import type { StreamId } from '../../core/stream.js';
import type { LogPosition } from '../../core/subscribe.js';
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
} from '../../core/validate-projection.js';
import { untilReached } from '../../subscriptions/reached.js';
import type { Database } from '../database.js';
import { storeError } from '../sqlstate.js';
import { acquireProjection } from './acquire-projection.js';
import {
  changeProjection,
  deleteProjection,
  type ProjectionChange,
  promoteProjection,
  releaseProjection,
} from './change-projection.js';
import { listFailedAggregates, retryAggregates } from './failed-aggregates.js';
import { getProjection, listProjections } from './list-projections.js';
import { loadProjection, projectionPosition } from './load-projection.js';
import type { LeaseName, ProjectionsPlace } from './place.js';
import { reportProjection } from './report-projection.js';
import { saveProjection } from './save-projection.js';

/** What projections on Postgres need. */
export interface PostgresProjectionsOptions {
  readonly database: Database;
  /** The schema, which is migrated already. */
  readonly schema: string;
  /** The log of that schema. */
  readonly log: Pick<Log, 'head' | 'epochs'>;
  readonly runtime: Runtime;
  /** Milliseconds that a lease lasts without a report. @default 6000 */
  readonly leaseMs?: number;
  /** Logs an unexpected failure, and gives the error to answer instead. */
  readonly onUnexpected: (error: unknown, outcome?: Outcome) => HeadwaterError;
}

/** The service's side of projections, on Postgres. Nothing of it is kept in the process: any instance answers. */
export class PostgresProjections implements Projections {
  readonly #options: PostgresProjectionsOptions;

  constructor(options: PostgresProjectionsOptions) {
    this.#options = options;
  }

  async list(request: PageRequest = {}, options: CallOptions = {}): Promise<ProjectionList> {
    validateProjectionPage(request);
    return this.#ask(options, (place) => listProjections(place, request));
  }

  async get(name: string, options: CallOptions = {}): Promise<Projection> {
    validateProjectionName(name);
    return this.#ask(options, (place) => getProjection(place, name));
  }

  async pause(name: string, options: CallOptions = {}): Promise<Projection> {
    return this.#change({ name, change: 'PAUSE' }, options);
  }

  async resume(name: string, options: CallOptions = {}): Promise<Projection> {
    return this.#change({ name, change: 'RESUME' }, options);
  }

  async stop(name: string, options: CallOptions = {}): Promise<Projection> {
    return this.#change({ name, change: 'STOP' }, options);
  }

  async reset(
    { name, deleteEmitted = false }: { readonly name: string; readonly deleteEmitted?: boolean },
    options: CallOptions = {},
  ): Promise<Projection> {
    return this.#change({ name, change: 'RESET', flag: deleteEmitted }, options);
  }

  async rebuild(
    { name, waitWithSwap = false }: { readonly name: string; readonly waitWithSwap?: boolean },
    options: CallOptions = {},
  ): Promise<Projection> {
    return this.#change({ name, change: 'REBUILD', flag: waitWithSwap }, options);
  }

  async finishRebuild(
    { name, discard = false }: { readonly name: string; readonly discard?: boolean },
    options: CallOptions = {},
  ): Promise<Projection> {
    return this.#change({ name, change: discard ? 'DISCARD' : 'SWAP' }, options);
  }

  async delete(
    request: { readonly name: string; readonly forget?: boolean; readonly deleteEmitted?: boolean },
    options: CallOptions = {},
  ): Promise<boolean> {
    validateProjectionName(request.name);
    return this.#ask(options, (place) => deleteProjection(place, request), 'UNKNOWN');
  }

  async waitFor(name: string, minPosition: LogPosition, options: CallOptions = {}): Promise<LogPosition> {
    validateWaitFor(name, minPosition);
    const { log, runtime } = this.#options;
    return this.#ask(options, (place) =>
      untilReached({ log, runtime, position: () => projectionPosition(place, name), minPosition }, options),
    );
  }

  async listFailedAggregates(
    request: PageRequest & { readonly name: string },
    options: CallOptions = {},
  ): Promise<FailedAggregates> {
    validateProjectionPage(request);
    return this.#ask(options, (place) => listFailedAggregates(place, request));
  }

  async retryAggregates(
    request: { readonly name: string; readonly stream?: StreamId; readonly reset?: boolean },
    options: CallOptions = {},
  ): Promise<bigint> {
    validateRetryAggregates(request);
    return this.#ask(options, (place) => retryAggregates(place, request), 'UNKNOWN');
  }

  async acquire(request: AcquireRequest, options: CallOptions = {}): Promise<Acquired> {
    validateAcquire(request);
    return this.#ask(options, (place) => acquireProjection(place, request), 'UNKNOWN');
  }

  async report(
    lease: LeaseName,
    report: ProjectionReport,
    options: CallOptions = {},
  ): Promise<ProjectionOrders> {
    validateReport(lease, report);
    return this.#ask(options, (place) => reportProjection(place, { lease, report }), 'UNKNOWN');
  }

  async save(lease: LeaseName, save: ProjectionSave, options: CallOptions = {}): Promise<void> {
    validateSave(lease, save);
    await this.#ask(options, (place) => saveProjection(place, { lease, save }), 'UNKNOWN');
  }

  async load(request: LoadProjectionRequest, options: CallOptions = {}): Promise<SavedProjection> {
    validateLoadProjection(request);
    const { minPosition, name } = request;
    if (minPosition) await this.waitFor(name, minPosition, options);
    return this.#ask(options, (place) => loadProjection(place, request));
  }

  async promote(lease: LeaseName, options: CallOptions = {}): Promise<void> {
    validateLease(lease);
    await this.#ask(options, (place) => promoteProjection(place, lease), 'UNKNOWN');
  }

  async release(
    lease: LeaseName,
    { deleted = false }: { readonly deleted?: boolean } = {},
    options: CallOptions = {},
  ): Promise<void> {
    validateLease(lease);
    await this.#ask(options, (place) => releaseProjection(place, { lease, deleted }), 'UNKNOWN');
  }

  async #change(
    change: { readonly name: string; readonly change: ProjectionChange; readonly flag?: boolean },
    options: CallOptions,
  ): Promise<Projection> {
    validateProjectionName(change.name);
    await this.#ask(options, (place) => changeProjection(place, change), 'UNKNOWN');
    return this.#ask(options, (place) => getProjection(place, change.name), 'UNKNOWN');
  }

  /** What a statement answers, with the driver's errors turned into typed ones. */
  async #ask<Answer>(
    { signal }: CallOptions,
    statement: (place: ProjectionsPlace) => Promise<Answer>,
    outcome?: Outcome,
  ): Promise<Answer> {
    const { database, leaseMs = 6000, onUnexpected, schema } = this.#options;
    try {
      return await statement({ database, schema, leaseMs, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw storeError(error, outcome) ?? onUnexpected(error, outcome);
    }
  }
}
