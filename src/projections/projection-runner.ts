import { CommandNotRegisteredError, HeadwaterError } from '../core/errors.js';
import type { CallOptions } from '../core/call-options.js';
import { ProjectionConflictError, ProjectionSupersededError } from '../core/follower-errors.js';
import { type Logger, silentLogger } from '../core/logger.js';
import { onAbort } from '../core/on-abort.js';
import type { Acquired } from '../core/projections.js';
import type { LogPosition } from '../core/subscribe.js';
import type { OnHandlerFailure, ProjectionWork } from './projection-work.js';
import { mayPass, spreadDelay, textOf } from './runner-backoff.js';
import { type GenerationEnd, GenerationRunner } from './runner-generation.js';
import type { ProjectionMetrics } from './runner-metrics.js';
import { Waiting } from './runner-waiting.js';
import { Wake } from './runner-wake.js';
import type {
  RunnerParts,
  RunnerStatus,
  RunningProjection,
  RunProjectionOptions,
} from './running-projection.js';

export type {
  GenerationStatus,
  RunnerParts,
  RunnerStatus,
  RunningProjection,
  RunProjectionOptions,
} from './running-projection.js';

/**
 * Runs a projection: takes its lease, or stands by until it is free, follows the log, obeys the service's orders, and builds
 * the next generation beside the live one when that is wanted. Any number of processes may run the same one; one of them
 * works. Failures of stores and of the service never end it.
 *
 * @example
 * const running = runProjection({ eventStore, projections, runtime: systemRuntime }, balances.work(projections));
 * await running.waitFor(appended.lastPosition);
 * await running.stop();
 */
export function runProjection(
  parts: RunnerParts,
  work: ProjectionWork,
  options: RunProjectionOptions = {},
): RunningProjection {
  return new ProjectionRunner(parts, work, options);
}

class ProjectionRunner implements RunningProjection {
  readonly ready: Promise<void>;
  readonly ended: Promise<{ readonly failure?: Error }>;
  readonly #parts: RunnerParts;
  readonly #work: ProjectionWork;
  readonly #options: RunProjectionOptions;
  readonly #logger: Logger;
  readonly #runnerId: string;
  readonly #controller = new AbortController();
  readonly #wake: Wake;
  readonly #running = new Map<
    bigint,
    { readonly generation: GenerationRunner; readonly run: Promise<void> }
  >();
  readonly #waiting: Waiting;
  #state: RunnerStatus['state'] = 'STARTING';
  #acquire = true;
  #trouble: unknown;
  #ended: GenerationEnd | undefined;
  #becameReady: () => void = () => undefined;

  constructor(parts: RunnerParts, work: ProjectionWork, options: RunProjectionOptions) {
    this.#parts = parts;
    this.#work = work;
    this.#options = options;
    this.#logger = options.logger ?? parts.runtime.logger ?? silentLogger;
    this.#runnerId = parts.runtime.newEventId();
    this.#wake = new Wake(parts.runtime);
    this.#waiting = new Waiting({
      runtime: parts.runtime,
      live: () => this.#live,
      ask: async (minPosition, call) =>
        (await parts.projections.load({ name: work.name, minPosition }, call)).position,
      isStarting: () => this.#state === 'STARTING',
    });
    if (options.signal) {
      onAbort(options.signal, () => this.#stopped());
      if (options.signal.aborted) this.#stopped();
    }
    const begun = new Promise<void>((resolve) => {
      this.#becameReady = resolve;
    });
    this.ended = this.#run();
    this.ready = Promise.race([
      begun,
      this.ended.then(({ failure }) => {
        if (failure) throw failure;
      }),
    ]);
    this.ready.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopped();
    await this.ended;
  }

  status(): RunnerStatus {
    const generations = this.#generations.map(
      ({ lease: { generation }, live, state, position, failure }) => ({
        generation,
        live,
        state,
        position,
        failure,
      }),
    );
    const trouble = this.#trouble === undefined ? undefined : textOf(this.#trouble);
    return { state: this.#state, generations, trouble };
  }

  metrics(): ProjectionMetrics | undefined {
    return (this.#live ?? this.#generations[0])?.metrics;
  }

  waitFor(wanted: bigint | LogPosition, options?: CallOptions): Promise<LogPosition> {
    return this.#waiting.until(wanted, options);
  }

  get #generations(): GenerationRunner[] {
    return [...this.#running.values()].map(({ generation }) => generation);
  }

  get #live(): GenerationRunner | undefined {
    return this.#generations.find(({ live, state }) => live && state !== 'ENDED');
  }

  #stopped(): void {
    this.#controller.abort();
  }

  async #run(): Promise<{ readonly failure?: Error }> {
    const measuring = this.#measure();
    let failure: Error | undefined;
    try {
      await this.#keepAcquiring();
    } catch (error) {
      if (!this.#controller.signal.aborted) failure = error as Error;
    }
    if (failure)
      this.#logger.error('A projection has ended', { projection: this.#work.name, error: textOf(failure) });
    await this.#leaveAll();
    this.#controller.abort();
    await measuring;
    this.#state = 'ENDED';
    this.#changed();
    return failure ? { failure } : {};
  }

  async #keepAcquiring(): Promise<void> {
    const { runtime } = this.#parts;
    const { pollMs = 1_000 } = this.#options;
    const { signal } = this.#controller;
    let failures = 0;
    let known = false;
    while (this.#ended !== 'DELETED') {
      let pause = pollMs * (0.75 + runtime.random() / 2);
      if (this.#acquire || this.#running.size === 0)
        try {
          this.#acquire = false;
          await this.#takeLeases();
          known = true;
          failures = 0;
          this.#trouble = undefined;
        } catch (error) {
          signal.throwIfAborted();
          // What the first asking is refused with, a wrong name or no permission, is for whoever starts it to see.
          const ends =
            error instanceof ProjectionSupersededError || error instanceof ProjectionConflictError || !known;
          if (ends && error instanceof HeadwaterError && !mayPass(error)) throw error;
          this.#acquire = true;
          this.#trouble = error;
          failures += 1;
          pause = spreadDelay(failures, runtime, 5_000);
          this.#logger.warn('A projection could not be acquired', {
            projection: this.#work.name,
            error: textOf(error),
          });
        }
      await this.#wake.sleep(this.#running.size > 0 && !this.#acquire ? 60_000 : pause, signal);
    }
  }

  async #takeLeases(): Promise<void> {
    const { projections, runtime } = this.#parts;
    const { name, kind, definitionVersion } = this.#work;
    const { signal } = this.#controller;
    const liveGeneration = await this.#work.liveGeneration?.(signal);
    const askedAt = runtime.monotonic();
    const { runner = runtime.processName ?? 'runner' } = this.#options;
    const acquired = await projections.acquire(
      {
        name,
        kind,
        definitionVersion,
        runner,
        runnerId: this.#runnerId,
        ...(liveGeneration === undefined ? {} : { liveGeneration }),
      },
      { signal },
    );
    this.#begin(acquired, askedAt);
    this.#state = this.#running.size > 0 ? 'WORKING' : acquired.stopped ? 'STOPPED' : 'STANDBY';
    this.#becameReady();
    this.#changed();
  }

  #begin({ leases, leaseMs }: Acquired, askedAt: number): void {
    const { eventStore, projections, runtime } = this.#parts;
    const { onFailure = byDefault, batchEvents = 500 } = this.#options;
    for (const lease of leases) {
      const known = this.#running.get(lease.generation)?.generation;
      if (known?.lease.fence === lease.fence) {
        if (lease.live && !known.live) {
          known.live = true;
          this.#promoted(known);
        }
        continue;
      }
      if (known) {
        // Another lease of the same generation: the former one is over, and its end brings us here again.
        known.abandon();
        this.#acquire = true;
        continue;
      }
      const generation: GenerationRunner = new GenerationRunner({
        eventStore,
        leases: projections,
        runtime,
        logger: this.#logger,
        work: this.#work,
        lease,
        leaseMs,
        askedAt,
        onFailure,
        batchEvents,
        live: () => this.#live,
        onAcquire: () => this.#acquireSoon(),
        onPromoted: () => this.#promoted(generation),
        onChanged: () => this.#changed(),
      });
      this.#running.set(lease.generation, { generation, run: this.#see(generation) });
    }
  }

  /** Sees a generation to its end. */
  async #see(generation: GenerationRunner): Promise<void> {
    const end = await generation.run();
    this.#running.delete(generation.lease.generation);
    // The live one is deleted last.
    if (end === 'DELETED' && generation.live) this.#ended = 'DELETED';
    this.#state = end === 'STOPPED' ? 'STOPPED' : this.#running.size > 0 ? 'WORKING' : 'STANDBY';
    this.#changed();
    if (end === 'LOST') {
      // Whatever took it may take it again at once.
      const { pollMs = 1_000 } = this.#options;
      await this.#parts.runtime.sleep(pollMs / 4, this.#controller.signal).catch(() => undefined);
      this.#acquire = true;
    }
    this.#wake.wake();
  }

  #promoted(generation: GenerationRunner): void {
    for (const other of this.#generations) if (other !== generation && other.live) other.leave('REPLACED');
    this.#changed();
  }

  #acquireSoon(): void {
    this.#acquire = true;
    this.#wake.wake();
  }

  async #leaveAll(): Promise<void> {
    const { runtime } = this.#parts;
    const { stopTimeoutMs = 10_000 } = this.#options;
    const runs = [...this.#running.values()];
    for (const { generation } of runs) generation.leave('LEFT');
    const inTime = new AbortController();
    const tooLate = runtime.sleep(stopTimeoutMs, inTime.signal).then(
      () => {
        for (const { generation } of runs) generation.abandon();
      },
      () => undefined,
    );
    await Promise.all(runs.map(({ run }) => run));
    inTime.abort();
    await tooLate;
  }

  async #measure(): Promise<void> {
    const { onMetrics } = this.#options;
    const { signal } = this.#controller;
    if (onMetrics === undefined) return;
    const told = new Map<bigint, string>();
    const tell = () => {
      for (const { lease, metrics } of this.#generations) {
        const text = JSON.stringify(metrics);
        if (told.get(lease.generation) === text) continue;
        told.set(lease.generation, text);
        try {
          onMetrics({ ...metrics, generation: lease.generation });
        } catch (error) {
          this.#logger.warn('A hook for metrics failed', { projection: lease.name, error: textOf(error) });
        }
      }
    };
    while (!signal.aborted) {
      await this.#parts.runtime.sleep(1_000, signal).catch(() => undefined);
      tell();
    }
  }

  #changed(): void {
    this.#waiting.changed();
  }
}

/** Who decides a command may be away; what else a handler throws needs somebody to look. */
const byDefault: OnHandlerFailure = (error) =>
  error instanceof CommandNotRegisteredError ? { kind: 'RETRY' } : { kind: 'FAIL' };
