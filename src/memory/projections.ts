import type { CallOptions } from '../core/call-options.js';
import type { PageRequest } from '../core/consumer-groups.js';
import type { EventStore } from '../core/event-store.js';
import { LeaseLostError, ProjectionConflictError, ProjectionNotFoundError } from '../core/follower-errors.js';
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
import type { Runtime } from '../core/runtime.js';
import type { StreamId } from '../core/stream.js';
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
import { untilReached } from '../subscriptions/reached.js';
import { acquire } from './projection-acquire.js';
import { listFailedAggregates, listProjections, retryAggregates } from './projection-lists.js';
import {
  becomeLive,
  type GenerationRecord,
  newGeneration,
  ordersOf,
  projectionOf,
  type ProjectionRecord,
} from './projection-records.js';
import { loaded, reported, saved } from './projection-saves.js';

type LeaseName = Pick<ProjectionLease, 'name' | 'generation' | 'fence'>;

/** What projections in memory may be told. */
export interface MemoryProjectionsOptions {
  /** Whose events are followed. */
  readonly store: Pick<EventStore, 'getLog'>;
  readonly runtime: Runtime;
  /** Milliseconds that a lease lasts without a report. @default 6000 */
  readonly leaseMs?: number;
}

/**
 * The service's side of projections, in memory, for tests: it passes the same contract suite as the one on Postgres.
 *
 * @example
 * const store = createMemoryEventStore({ runtime: systemRuntime });
 * const projections = createMemoryProjections({ store, runtime: systemRuntime });
 */
export function createMemoryProjections(options: MemoryProjectionsOptions): Projections {
  return new MemoryProjections(options);
}

/** Each change is made without a pause in between, so that none sees half of another. */
class MemoryProjections implements Projections {
  readonly #store: Pick<EventStore, 'getLog'>;
  readonly #runtime: Runtime;
  readonly #leaseMs: number;
  readonly #projections = new Map<string, ProjectionRecord>();

  constructor({ store, runtime, leaseMs = 6000 }: MemoryProjectionsOptions) {
    this.#store = store;
    this.#runtime = runtime;
    this.#leaseMs = leaseMs;
  }

  async list(request: PageRequest = {}, { signal }: CallOptions = {}): Promise<ProjectionList> {
    signal?.throwIfAborted();
    validateProjectionPage(request);
    const { position: head } = await this.#store.getLog();
    return listProjections(this.#projections.values(), request, { head, now: this.#runtime.now() });
  }

  async get(name: string, { signal }: CallOptions = {}): Promise<Projection> {
    signal?.throwIfAborted();
    validateProjectionName(name);
    const { position: head } = await this.#store.getLog();
    return projectionOf(this.#find(name), head, this.#runtime.now());
  }

  pause(name: string, options?: CallOptions): Promise<Projection> {
    return this.#change(name, (record) => (record.wish = 'PAUSE'), options);
  }

  resume(name: string, options?: CallOptions): Promise<Projection> {
    return this.#change(
      name,
      (record) => {
        record.wish = 'RUN';
        record.resumed += 1n;
        record.live.failed = false;
        if (record.building) record.building.failed = false;
      },
      options,
    );
  }

  stop(name: string, options?: CallOptions): Promise<Projection> {
    return this.#change(name, (record) => (record.wish = 'STOP'), options);
  }

  reset(
    { name, deleteEmitted = false }: { readonly name: string; readonly deleteEmitted?: boolean },
    options?: CallOptions,
  ): Promise<Projection> {
    return this.#change(
      name,
      (record) => {
        record.resetWanted = this.#higher(record.resetWanted);
        record.deleteEmitted = deleteEmitted;
        record.live.failed = false;
      },
      options,
    );
  }

  rebuild(
    { name, waitWithSwap = false }: { readonly name: string; readonly waitWithSwap?: boolean },
    options?: CallOptions,
  ): Promise<Projection> {
    return this.#change(
      name,
      (record) => {
        if (record.building)
          throw new ProjectionConflictError(
            name,
            `A generation of projection ${name} is being built already`,
          );
        record.lastGeneration += 1n;
        record.building = newGeneration(record.lastGeneration, record.live.definitionVersion, !waitWithSwap);
      },
      options,
    );
  }

  finishRebuild(
    { name, discard = false }: { readonly name: string; readonly discard?: boolean },
    options?: CallOptions,
  ): Promise<Projection> {
    return this.#change(
      name,
      (record) => {
        if (!record.building)
          throw new ProjectionConflictError(name, `No generation of projection ${name} is being built`);
        if (discard) record.building = undefined;
        else record.building.swap = true;
      },
      options,
    );
  }

  async delete(
    {
      name,
      forget = false,
      deleteEmitted = false,
    }: { readonly name: string; readonly forget?: boolean; readonly deleteEmitted?: boolean },
    { signal }: CallOptions = {},
  ): Promise<boolean> {
    signal?.throwIfAborted();
    validateProjectionName(name);
    const record = this.#find(name);
    if (forget || (record.kind !== 'READ_MODEL' && !deleteEmitted)) return this.#projections.delete(name);
    record.wish = 'DELETE';
    record.deleteEmitted = deleteEmitted;
    return false;
  }

  async waitFor(name: string, minPosition: LogPosition, options: CallOptions = {}): Promise<LogPosition> {
    options.signal?.throwIfAborted();
    validateWaitFor(name, minPosition);
    return untilReached(
      {
        log: this.#log,
        runtime: this.#runtime,
        position: async () => ({ ...this.#find(name).live.position }),
        minPosition,
      },
      options,
    );
  }

  async listFailedAggregates(
    request: PageRequest & { readonly name: string },
    { signal }: CallOptions = {},
  ): Promise<FailedAggregates> {
    signal?.throwIfAborted();
    validateProjectionPage(request);
    return listFailedAggregates(() => this.#find(request.name).live, request);
  }

  async retryAggregates(
    request: { readonly name: string; readonly stream?: StreamId; readonly reset?: boolean },
    { signal }: CallOptions = {},
  ): Promise<bigint> {
    signal?.throwIfAborted();
    validateRetryAggregates(request);
    return retryAggregates(this.#find(request.name).live, request);
  }

  async acquire(request: AcquireRequest, { signal }: CallOptions = {}): Promise<Acquired> {
    signal?.throwIfAborted();
    validateAcquire(request);
    return acquire(this.#projections, request, {
      now: this.#runtime.now(),
      leaseMs: this.#leaseMs,
      higher: (number) => this.#higher(number),
    });
  }

  async report(
    lease: LeaseName,
    report: ProjectionReport,
    { signal }: CallOptions = {},
  ): Promise<ProjectionOrders> {
    signal?.throwIfAborted();
    validateReport(lease, report);
    const { record, generation } = this.#leased(lease);
    const now = this.#runtime.now();
    reported(record, generation, report, now);
    this.#renew(generation);
    return ordersOf(record, generation, now);
  }

  async save(lease: LeaseName, save: ProjectionSave, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    validateSave(lease, save);
    const { record, generation } = this.#leased(lease);
    saved(record, generation, save, this.#runtime.now());
    this.#renew(generation);
  }

  async load(request: LoadProjectionRequest, options: CallOptions = {}): Promise<SavedProjection> {
    options.signal?.throwIfAborted();
    validateLoadProjection(request);
    const { name, generation = 0n, minPosition } = request;
    if (minPosition) await this.waitFor(name, minPosition, options);
    const { kind, live, building } = this.#find(name);
    const found = [live, building].find((one) => one && generation === one.generation);
    const wanted = generation === 0n ? live : found;
    if (wanted === undefined) throw new ProjectionNotFoundError(name);
    return { kind, ...loaded(wanted, request, this.#runtime.now()) };
  }

  async promote(lease: LeaseName, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    validateLease(lease);
    const { record, generation } = this.#leased(lease);
    // Sent again because the answer was lost.
    if (generation === record.live) return;
    if (record.kind !== 'READ_MODEL' && generation.position.position < record.live.position.position)
      throw new ProjectionConflictError(
        record.name,
        `Generation ${generation.generation} of projection ${record.name} is behind the live one: go on first`,
      );
    becomeLive(record, generation);
  }

  async release(
    lease: LeaseName,
    { deleted = false }: { readonly deleted?: boolean } = {},
    { signal }: CallOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    validateLease(lease);
    const found = this.#lookUp(lease);
    if (!found) return;
    const { record, generation } = found;
    generation.runner = '';
    generation.runnerId = '';
    generation.leasedUntil = undefined;
    if (!deleted || record.wish !== 'DELETE') return;
    if (record.building === undefined) this.#projections.delete(record.name);
    else if (generation === record.building) record.building = undefined;
    else becomeLive(record, record.building);
  }

  async #change(
    name: string,
    change: (record: ProjectionRecord) => void,
    { signal }: CallOptions = {},
  ): Promise<Projection> {
    signal?.throwIfAborted();
    validateProjectionName(name);
    const record = this.#find(name);
    if (record.wish === 'DELETE')
      throw new ProjectionConflictError(name, `Projection ${name} is being deleted`);
    change(record);
    const { position: head } = await this.#store.getLog();
    return projectionOf(record, head, this.#runtime.now());
  }

  #find(name: string): ProjectionRecord {
    const record = this.#projections.get(name);
    if (record === undefined) throw new ProjectionNotFoundError(name);
    return record;
  }

  #leased(lease: LeaseName): { record: ProjectionRecord; generation: GenerationRecord } {
    const found = this.#lookUp(lease);
    if (found === undefined) throw new LeaseLostError(lease.name, lease.fence);
    return found;
  }

  /** A lease that ran out lasts on for as long as nobody else takes it. */
  #lookUp({
    name,
    generation: wanted,
    fence,
  }: LeaseName): { record: ProjectionRecord; generation: GenerationRecord } | undefined {
    const record = this.#projections.get(name);
    const generation = [record?.live, record?.building].find((one) => one?.generation === wanted);
    const theirs = generation?.fence === fence && generation.runnerId !== '';
    return record && generation && theirs ? { record, generation } : undefined;
  }

  #renew(generation: GenerationRecord): void {
    generation.leasedUntil = this.#runtime.now() + BigInt(this.#leaseMs) * 1000n;
  }

  /** Numbers rise with the time, so that what has seen one still knows a later one after the projection was made anew. */
  #higher(number: bigint): bigint {
    const time = this.#runtime.now() / 1000n;
    return time > number ? time : number + 1n;
  }

  get #log() {
    return {
      head: () => this.#store.getLog(),
      epochs: async () => (await this.#store.getLog()).epochs,
    };
  }
}
