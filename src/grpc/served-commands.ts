import { hash } from 'node:crypto';
import { AggregateManager } from '../commands/aggregate-manager.js';
import { CommandExecutor } from '../commands/command-executor.js';
import type { CommandRegistry } from '../commands/command-registry.js';
import type { Plan } from '../auth/plan.js';
import type { EventStore } from '../core/event-store.js';
import type { Logger } from '../core/logger.js';
import type { Runtime } from '../core/runtime.js';
import { type CommandPolicies, commandPolicies } from './command-policies.js';
import { EitherDecider } from './either-decider.js';
import { WorkerPool } from './workers/worker-pool.js';

/** The commands of one namespace: who decides them, and what carries them out. */
export interface ServedCommands {
  readonly store: EventStore;
  readonly decider: EitherDecider;
  readonly executor: CommandExecutor;
  readonly pool: WorkerPool;
  /** The domain in the service; `undefined` without one. */
  readonly manager: AggregateManager | undefined;
}

/** The commands of a plan's namespace, which is open. */
export type CommandsOf = (plan: Pick<Plan, 'namespace'>) => ServedCommands;

export interface CommandsOfOptions {
  readonly storeOf: (plan: Pick<Plan, 'namespace'>) => EventStore;
  readonly domain: CommandRegistry | undefined;
  readonly policies: CommandPolicies;
  readonly decideTimeoutMs: number;
  readonly workerGraceMs: number;
  readonly runtime: Runtime;
  readonly logger: Logger;
}

/** Puts commands beside the store of each namespace that is used. Throws `TypeError` if the domain lacks a handler. */
export function commandsOf(options: CommandsOfOptions): CommandsOf {
  options.domain?.checked();
  const awaitedUntil = options.runtime.monotonic() + options.workerGraceMs;
  // A namespace that is made anew has another store.
  const known = new WeakMap<EventStore, ServedCommands>();
  return (plan) => {
    const store = options.storeOf(plan);
    const commands = known.get(store) ?? serve(store, plan.namespace, awaitedUntil, options);
    known.set(store, commands);
    return commands;
  };
}

function serve(
  store: EventStore,
  namespace: string,
  awaitedUntil: number,
  options: CommandsOfOptions,
): ServedCommands {
  const { decideTimeoutMs, domain, logger, policies, runtime } = options;
  const onFailure = (error: unknown, what: string) =>
    logger.warn('Something beside a command failed', {
      namespace,
      what,
      error: error instanceof Error ? error.name : typeof error,
    });
  const shared = { store, runtime, hash: sha256, everybody: true, onFailure };
  const manager = domain && new AggregateManager({ ...shared, registry: domain });
  const pool = new WorkerPool({
    store,
    runtime,
    decideTimeoutMs,
    awaitedUntil,
    reserved: manager?.decider.commandTypes ?? new Map(),
  });
  const decider = new EitherDecider(manager?.decider, pool);
  const middleware = [...(domain?.middlewareFor({ store, runtime }) ?? []), commandPolicies(policies)];
  const executor = new CommandExecutor({ ...shared, decider, middleware });
  return { store, decider, executor, pool, manager };
}

/** By way of a string, whose bytes then come out of the pool: memory of its own for each is dear, and the collector's to look after. */
function sha256(bytes: Uint8Array): Uint8Array {
  return Buffer.from(hash('sha256', bytes, 'binary'), 'latin1');
}
