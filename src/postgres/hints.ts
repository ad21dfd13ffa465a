import type { Runtime } from '../core/runtime.js';
import type { Database, Session } from './database.js';

/** How instances wake each other. */
export interface HintsOptions {
  readonly database: Database;
  readonly schema: string;
  readonly runtime: Runtime;
  /** Told when the listening connection breaks; until it is back, followers poll. */
  readonly onFailure?: (error: unknown) => void;
  /**
   * Milliseconds within which commits share one notification.
   * @default 20
   */
  readonly coalesceMilliseconds?: number;
}

/**
 * Wakes whoever follows the log: at once for commits of this process, and by NOTIFY on a connection of its own for those of
 * others. Never in the transaction of an append: there it would cost two thirds of the rate, since the server takes one
 * lock for all notifying commits. Hints only: they may be lost, and followers poll besides.
 */
export class Hints {
  readonly #options: HintsOptions;
  readonly #channel: string;
  readonly #listeners = new Set<() => void>();
  readonly #stop = new AbortController();
  #session: Session | undefined;
  #notified = 0n;
  #committed = 0n;
  #notifying = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: HintsOptions) {
    this.#options = options;
    this.#channel = `headwater_${options.schema}`;
  }

  /** Begins to listen, and goes on trying when the connection is lost. */
  start(): void {
    this.#done = this.#listen();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('Hints are stopped'));
    await this.#done;
  }

  /** Whether notifications of other instances arrive now. */
  get listening(): boolean {
    return this.#session !== undefined;
  }

  onAdvance(listener: () => void): () => void {
    // A function of its own, so that the same listener may be added twice.
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Tells that this process has committed up to here. */
  committed(position: bigint): void {
    if (position > this.#committed) this.#committed = position;
    this.#wake();
    if (!this.#notifying) {
      this.#notifying = true;
      void this.#notify();
    }
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }

  async #notify(): Promise<void> {
    const { runtime, coalesceMilliseconds = 20 } = this.#options;
    try {
      while (this.#notified < this.#committed && this.#session !== undefined) {
        this.#notified = this.#committed;
        await this.#session.query('SELECT pg_notify($1, $2)', [this.#channel, String(this.#notified)]);
        await runtime.sleep(coalesceMilliseconds);
      }
    } catch (error) {
      // The listening loop sees the same connection break and takes a new one; others poll meanwhile.
      if (!this.#stop.signal.aborted) this.#options.onFailure?.(error);
    } finally {
      this.#notifying = false;
    }
  }

  async #listen(): Promise<void> {
    const { database, runtime, onFailure } = this.#options;
    const stopped = new Promise<void>((resolve) => {
      this.#stop.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    for (let attempt = 0; !this.#stop.signal.aborted; attempt++) {
      try {
        await database.withSession(async (session) => {
          await session.query(`LISTEN "${this.#channel}"`);
          session.onNotification((payload) => this.#heard(payload));
          this.#session = session;
          attempt = 0;
          this.#wake();
          await stopped;
        });
      } catch (error) {
        onFailure?.(error);
      } finally {
        this.#session = undefined;
      }
      const pause = Math.min(5000, 100 * 2 ** attempt) * (0.5 + runtime.random() / 2);
      // Rejects only when stopped, and then the loop ends.
      await runtime.sleep(pause, this.#stop.signal).catch(() => undefined);
    }
  }

  #heard(payload: string): void {
    // Our own commits woke the listeners when they were made.
    if (/^\d{1,19}$/.test(payload) && BigInt(payload) <= this.#committed) return;
    this.#wake();
  }
}
