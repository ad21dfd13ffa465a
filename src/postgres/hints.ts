import type { Committed } from '../core/log.js';
import type { Runtime } from '../core/runtime.js';
import type { Database } from './database.js';
import { type ListeningPlace, notificationsOf } from './notifications.js';

/** How instances wake each other. */
export interface HintsOptions {
  readonly database: Database;
  readonly schema: string;
  readonly runtime: Runtime;
  /** Told when the listening connection breaks; until it is back, followers poll. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Wakes whoever follows the log: at once for commits of this process, and by NOTIFY on a connection of its own, which all
 * namespaces of a database share, for those of others. Never in the transaction of an append: there it would cost two
 * thirds of the rate, since the server takes one lock for all notifying commits. Hints only: they may be lost, and
 * followers poll besides.
 */
export class Hints {
  readonly #options: HintsOptions;
  readonly #listeners = new Set<(committed?: Committed) => void>();
  #place: ListeningPlace | undefined;
  #committed = 0n;

  constructor(options: HintsOptions) {
    this.#options = options;
  }

  /** Begins to listen, and goes on trying when the connection is lost. */
  start(): void {
    const { database, onFailure, runtime, schema } = this.#options;
    this.#place ??= notificationsOf(database, runtime).listen(`headwater_${schema}`, {
      heard: (payload) => this.#heard(payload),
      connected: () => this.#wake(),
      failed: (error) => onFailure?.(error),
    });
  }

  async stop(): Promise<void> {
    await this.#place?.leave();
  }

  /** Whether notifications of other instances arrive now. */
  get listening(): boolean {
    return this.#place?.connected ?? false;
  }

  onAdvance(listener: (committed?: Committed) => void): () => void {
    // A function of its own, so that the same listener may be added twice.
    const entry = (committed?: Committed) => listener(committed);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /**
   * Tells that this process has committed up to here.
   *
   * @param written what it was, if that is known; asked only where somebody listens
   */
  committed(position: bigint, written?: () => Committed | undefined): void {
    if (position > this.#committed) this.#committed = position;
    if (this.#listeners.size > 0) this.#wake(written?.());
    this.#place?.notify(String(this.#committed));
  }

  #wake(committed?: Committed): void {
    for (const listener of this.#listeners) listener(committed);
  }

  #heard(payload: string): void {
    // Our own commits woke the listeners when they were made.
    if (/^\d{1,19}$/.test(payload) && BigInt(payload) <= this.#committed) return;
    this.#wake();
  }
}
