import type { CommandTypeInfo } from '../auth/command-type.js';
import type { Decided, Decider, DecideRequest } from '../commands/decider.js';
import type { WorkerPool } from './workers/worker-pool.js';

/** Has the domain in the service decide what it knows, and workers the rest. */
export class EitherDecider implements Decider {
  readonly #domain: Decider | undefined;
  readonly #pool: WorkerPool;
  #workers: ReadonlyMap<string, CommandTypeInfo> | undefined;
  #both: ReadonlyMap<string, CommandTypeInfo> = new Map();

  constructor(domain: Decider | undefined, pool: WorkerPool) {
    this.#domain = domain;
    this.#pool = pool;
  }

  get commandTypes(): ReadonlyMap<string, CommandTypeInfo> {
    const workers = this.#pool.commandTypes;
    // Put together only when workers have come or gone: it is asked for by every command.
    if (workers !== this.#workers) {
      this.#workers = workers;
      this.#both = new Map([...workers, ...(this.#domain?.commandTypes ?? [])]);
    }
    return this.#both;
  }

  missing(commandType: string): Error {
    return this.#pool.missing(commandType);
  }

  /** Whether the domain in the service decides the type. */
  inService(commandType: string): boolean {
    return this.#domain?.commandTypes.has(commandType) ?? false;
  }

  decide(request: DecideRequest, signal: AbortSignal): Promise<Decided> {
    const { commandType } = request.command;
    return this.#domain !== undefined && this.inService(commandType)
      ? this.#domain.decide(request, signal)
      : this.#pool.decide(request, signal);
  }
}
