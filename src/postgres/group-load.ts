import { OverloadedError } from '../core/errors.js';
import type { LoadedAggregate } from '../core/loaded-aggregate.js';
import { onAbort } from '../core/on-abort.js';
import type { AggregateSought } from './load-aggregates.js';

/** How loads are gathered. */
export interface GroupLoadOptions {
  /**
   * Runs a group in one statement: an answer for each in order, `undefined` for what had no room, never the first. Rejects
   * with what the callers are to be told.
   */
  readonly load: (group: readonly AggregateSought[]) => Promise<readonly (LoadedAggregate | undefined)[]>;
  /**
   * Aggregates of one statement. So many take a few milliseconds, and while they are folded the next statement runs.
   * @default 64
   */
  readonly groupAggregates?: number;
  /**
   * Statements at a time. One leaves the database idle while its answer is read.
   * @default 2
   */
  readonly statements?: number;
  /**
   * Loads that may wait for their turn; more are refused with `OverloadedError`.
   * @default 20000
   */
  readonly queueAggregates?: number;
}

interface Waiting {
  readonly sought: AggregateSought;
  resolve(loaded: LoadedAggregate): void;
  reject(error: unknown): void;
  letGo(): void;
}

/**
 * Group load, beside group commit: aggregates that are asked for while statements are under way go into the next one. A
 * statement for one aggregate costs the database 0.5 ms, most of it before the first row; one for 64 some 0.03 ms of each.
 */
export class GroupLoad {
  readonly #options: GroupLoadOptions;
  /** In the order in which they came. */
  readonly #queue = new Set<Waiting>();
  #running = 0;
  #scheduled = false;

  constructor(options: GroupLoadOptions) {
    this.#options = options;
  }

  /** Rejects with the signal's reason as soon as it is aborted; the others of its group are not in doubt. */
  load(sought: AggregateSought, signal?: AbortSignal): Promise<LoadedAggregate> {
    const { queueAggregates = 20_000 } = this.#options;
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (this.#queue.size >= queueAggregates)
      return Promise.reject(
        new OverloadedError(`${this.#queue.size} aggregates wait to be loaded already; try again later`, {
          limit: 'load_queue_aggregates',
          outcome: 'NOT_APPLIED',
        }),
      );
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        sought,
        resolve,
        reject,
        letGo:
          signal === undefined
            ? () => undefined
            : onAbort(signal, () => {
                this.#queue.delete(waiting);
                reject(signal.reason as Error);
              }),
      };
      this.#queue.add(waiting);
      this.#schedule();
    });
  }

  /** What is asked for in the same turn of the event loop shares the first group. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#begin();
    });
  }

  #begin(): void {
    const { statements = 2 } = this.#options;
    while (this.#queue.size > 0 && this.#running < statements) {
      this.#running += 1;
      void this.#run(this.#next()).finally(() => {
        this.#running -= 1;
        this.#begin();
      });
    }
  }

  #next(): readonly Waiting[] {
    const { groupAggregates = 64 } = this.#options;
    const group: Waiting[] = [];
    for (const waiting of this.#queue) {
      if (group.length >= groupAggregates) break;
      this.#queue.delete(waiting);
      group.push(waiting);
    }
    return group;
  }

  async #run(group: readonly Waiting[]): Promise<void> {
    const leftOut: Waiting[] = [];
    try {
      const answers = await this.#options.load(group.map(({ sought }) => sought));
      group.forEach((waiting, index) => {
        const loaded = answers[index];
        if (loaded === undefined) return leftOut.push(waiting);
        waiting.letGo();
        return waiting.resolve(loaded);
      });
    } catch (error) {
      for (const waiting of group) {
        waiting.letGo();
        waiting.reject(error);
      }
    }
    if (leftOut.length > 0) await this.#run(leftOut);
  }
}
