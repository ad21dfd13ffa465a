import type { ProjectionLease, ProjectionLeases } from '../core/projections.js';
import type { Runtime } from '../core/runtime.js';
import type { EventSelection } from '../core/selection.js';
import type { LogPosition, SubscribeStart } from '../core/subscribe.js';
import {
  type Batch,
  type GenerationWork,
  HandlerError,
  type OnHandlerFailure,
  type ProjectionWork,
} from '../projections/projection-work.js';
import { spreadDelay } from '../projections/runner-backoff.js';
import type { EventPublisher } from './publisher.js';
import { MissingPackageError, PublishError } from './relay-error.js';

const LONGEST_MS = 30_000;

export interface RelayOptions {
  /** Of the projection that keeps how far it has come. Relays of one name stand by for one another. */
  readonly name: string;
  readonly publisher: EventPublisher;
  readonly leases: ProjectionLeases;
  /** @default the whole log */
  readonly selection?: EventSelection;
  /**
   * Where a relay begins that has never run.
   * @default before the first event
   */
  readonly start?: SubscribeStart;
  /** Called when events are confirmed and the position is kept. */
  readonly onProgress?: (progress: RelayProgress) => void;
}

export interface RelayProgress {
  /** That were confirmed this time. */
  readonly events: number;
  readonly position: LogPosition;
}

/**
 * A projection that publishes the log: the position is kept when the broker has confirmed all up to there, so nothing is
 * lost, and what was confirmed and not kept is published again, with the same message ids. Run it by `runProjection` with {@link retryForEver}; one
 * runs at a time, and whoever takes over begins at the last position that was kept.
 */
export function relay(options: RelayOptions): ProjectionWork {
  const { name, selection = {}, start } = options;
  return {
    name,
    kind: 'RELAY',
    definitionVersion: 1,
    selection,
    ...(start === undefined ? {} : { start }),
    open: async (lease) => new RelayWork(options, lease),
  };
}

/**
 * For `runProjection`: a broker that is away is tried for ever, after 100 ms at first and 30 s at last, spread so that
 * relays do not come back together. The failure stands in the projection meanwhile. With a package that is missing it fails.
 */
export function retryForEver(runtime: Runtime): OnHandlerFailure {
  return (error, _event, attempt) => {
    const cause = error instanceof PublishError ? error.cause : error;
    if (cause instanceof MissingPackageError) return { kind: 'FAIL' };
    return { kind: 'RETRY', afterMs: spreadDelay(attempt, runtime, LONGEST_MS) };
  };
}

class RelayWork implements GenerationWork {
  readonly #options: RelayOptions;
  readonly #lease: ProjectionLease;
  #position: LogPosition | undefined;

  constructor(options: RelayOptions, lease: ProjectionLease) {
    this.#options = options;
    this.#lease = lease;
    this.#position = lease.position.position > 0n ? lease.position : undefined;
  }

  get position(): LogPosition | undefined {
    return this.#position;
  }

  async handle({ events, upTo }: Batch, signal: AbortSignal): Promise<void> {
    // A batch that has failed in the middle comes again as a whole.
    const kept = this.#position?.position ?? 0n;
    const left = events.filter(({ position }) => position > kept);
    try {
      if (left.length > 0) await this.#options.publisher.publish(left, { epoch: upTo.epoch }, signal);
    } catch (error) {
      signal.throwIfAborted();
      const confirmed = error instanceof PublishError ? error.confirmed : 0;
      const last = left[confirmed - 1];
      if (last !== undefined) await this.#keep(confirmed, { ...upTo, position: last.position }, signal);
      const first = left[confirmed];
      throw first === undefined ? error : new HandlerError(first, error);
    }
    await this.#keep(left.length, upTo, signal);
  }

  async reset({ resetNumber }: { readonly resetNumber: bigint }, signal: AbortSignal): Promise<void> {
    const { leases } = this.#options;
    await leases.save(this.#lease, { position: { position: 0n }, resetDone: resetNumber }, { signal });
    this.#position = undefined;
  }

  async delete(): Promise<void> {
    // What was published is the broker's.
  }

  async close(): Promise<void> {
    await this.#options.publisher.close();
  }

  async #keep(events: number, position: LogPosition, signal: AbortSignal): Promise<void> {
    const { leases, onProgress } = this.#options;
    await leases.save(this.#lease, { position }, { signal });
    this.#position = position;
    onProgress?.({ events, position });
  }
}
