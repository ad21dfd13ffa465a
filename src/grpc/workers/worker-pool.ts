import type { CommandTypeInfo } from '../../auth/command-type.js';
import type { Decided, Decider, DecideRequest } from '../../commands/decider.js';
import { CommandNotRegisteredError, StoreUnavailableError } from '../../core/errors.js';
import type { Runtime } from '../../core/runtime.js';
import { streamKey } from '../../core/stream.js';
import { Violations } from '../../core/validate.js';
import type { Registration } from '../../wire/worker.js';
import type { AggregateSource } from '../aggregate-pages.js';
import { bestFor } from './rendezvous.js';
import { WorkerFailed } from './worker-failed.js';
import { Worker, type WorkerLink } from './worker.js';

/** Workers that are asked about one command, one after the other: a command that kills workers shall not kill them all. */
const WORKERS_ASKED = 3;
/** Milliseconds for which a command type is known after its last worker has left: they will be back. */
const REMEMBERED = 30_000;
/** When to try again where nobody is there, in milliseconds. */
const RETRY_AFTER = 1000;

export interface WorkerPoolOptions {
  readonly store: AggregateSource;
  readonly runtime: Pick<Runtime, 'monotonic' | 'newEventId'>;
  /** Milliseconds within which a worker must decide. */
  readonly decideTimeoutMs: number;
  /** Until when workers are still to come that were there before the service began, by the monotonic clock. */
  readonly awaitedUntil: number;
  /** What a domain in the service decides, and no worker may. */
  readonly reserved: ReadonlyMap<string, CommandTypeInfo>;
}

interface Entry {
  readonly info: CommandTypeInfo;
  readonly workers: Set<Worker>;
  /** When the last one left, by the monotonic clock. */
  emptySince: number | undefined;
}

/**
 * The workers of one namespace that are connected to this instance, as a decider. All commands of one aggregate go to the
 * same worker for as long as it is there; who dies or lets its time pass is replaced by the next.
 */
export class WorkerPool implements Decider {
  readonly #options: WorkerPoolOptions;
  readonly #entries = new Map<string, Entry>();
  #types: ReadonlyMap<string, CommandTypeInfo> = new Map();
  /** When the first type that nobody decides any more is to be forgotten. */
  #forgetAt = Number.POSITIVE_INFINITY;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Those of workers who left a moment ago too. */
  get commandTypes(): ReadonlyMap<string, CommandTypeInfo> {
    if (this.#options.runtime.monotonic() >= this.#forgetAt) this.#refresh();
    return this.#types;
  }

  /** How many workers decide the type now. */
  workersOf(commandType: string): number {
    return this.#entries.get(commandType)?.workers.size ?? 0;
  }

  /** Takes a worker in; throws `InvalidRequestError` for a type that is described otherwise already. */
  join(registration: Registration, link: WorkerLink): Worker {
    const { decideTimeoutMs, runtime, store } = this.#options;
    this.#refuseConflicts(registration);
    const worker = new Worker({ id: runtime.newEventId(), registration, link, store, decideTimeoutMs });
    for (const info of registration.commands) {
      const known = this.#entries.get(info.commandType);
      const workers = known?.workers ?? new Set();
      this.#entries.set(info.commandType, { info, workers: workers.add(worker), emptySince: undefined });
    }
    this.#refresh();
    return worker;
  }

  /** It takes no more; what it has it may decide. */
  retire(worker: Worker): void {
    for (const { commandType } of worker.registration.commands) {
      const entry = this.#entries.get(commandType);
      if (entry === undefined || !entry.workers.delete(worker) || entry.workers.size > 0) continue;
      entry.emptySince = this.#options.runtime.monotonic();
    }
    this.#refresh();
    worker.leave();
  }

  /** It is gone. */
  lose(worker: Worker): void {
    this.retire(worker);
    worker.lose();
  }

  async decide(request: DecideRequest, signal: AbortSignal): Promise<Decided> {
    const { commandType } = request.command;
    const asked = new Set<Worker>();
    for (;;) {
      const worker = this.#route(commandType, streamKey(request.aggregate), asked);
      if (worker === undefined || asked.size >= WORKERS_ASKED) throw this.#nobody(commandType, asked.size);
      try {
        return await worker.decide(request, signal);
      } catch (error) {
        if (!(error instanceof WorkerFailed)) throw error;
        signal.throwIfAborted();
        if (!error.untouched) asked.add(worker);
      }
    }
  }

  /** Who answers comes before who has let a command's time pass. */
  #route(commandType: string, key: string, asked: ReadonlySet<Worker>): Worker | undefined {
    const workers = [...(this.#entries.get(commandType)?.workers ?? [])].filter(
      (worker) => !worker.leaving && !asked.has(worker),
    );
    return (
      bestFor(
        key,
        workers.filter(({ suspect }) => !suspect),
      ) ?? bestFor(key, workers)
    );
  }

  /**
   * Why nobody decides a type that no worker has registered: for a moment after the service has begun its workers may not
   * be back yet, and a command that comes just then is to be tried again.
   */
  missing(commandType: string): Error {
    return this.#options.runtime.monotonic() >= this.#options.awaitedUntil
      ? new CommandNotRegisteredError(commandType)
      : tryAgain(
          `The service has just begun, and no worker that decides commands of type ${commandType} is connected yet`,
        );
  }

  #nobody(commandType: string, asked: number): Error {
    if (!this.#entries.has(commandType)) return this.missing(commandType);
    return tryAgain(
      asked === 0
        ? `All workers that decide commands of type ${commandType} have left a moment ago`
        : `No worker has decided a command of type ${commandType}; ${asked} of them were asked`,
    );
  }

  #refuseConflicts({ commands }: Registration): void {
    const violations = new Violations();
    commands.forEach((info, index) => {
      const path = `register.commands[${index}]`;
      const { commandType } = info;
      if (this.#options.reserved.has(commandType))
        violations.add(`${path}.command_type`, `is ${commandType}, which a domain in the service decides`);
      const known = this.#entries.get(commandType);
      if (known === undefined || known.workers.size === 0) return;
      const differs = differenceOf(known.info, info);
      if (differs !== undefined)
        violations.add(
          `${path}.${differs}`,
          `of ${commandType} is not what another worker says that is connected`,
        );
    });
    violations.throwIfAny();
  }

  /** Forgets whom nobody has decided for long. */
  #refresh(): void {
    const now = this.#options.runtime.monotonic();
    this.#forgetAt = Number.POSITIVE_INFINITY;
    for (const [commandType, { emptySince }] of this.#entries) {
      if (emptySince === undefined) continue;
      if (now >= emptySince + REMEMBERED) this.#entries.delete(commandType);
      else this.#forgetAt = Math.min(this.#forgetAt, emptySince + REMEMBERED);
    }
    this.#types = new Map([...this.#entries].map(([commandType, { info }]) => [commandType, info]));
  }
}

function tryAgain(why: string): Error {
  return new StoreUnavailableError(why, { outcome: 'NOT_APPLIED', retryAfterMilliseconds: RETRY_AFTER });
}

/** Which part of the description differs, in the words of the proto; policies in the order in which they are given. */
function differenceOf(one: CommandTypeInfo, other: CommandTypeInfo): string | undefined {
  if (one.aggregateType !== other.aggregateType) return 'aggregate_type';
  if (one.existence !== other.existence) return 'existence';
  const text = ({ policies }: CommandTypeInfo) =>
    JSON.stringify(policies.map(({ resourceField, roles, scopes }) => [roles, scopes, resourceField]));
  return text(one) === text(other) ? undefined : 'policies';
}
