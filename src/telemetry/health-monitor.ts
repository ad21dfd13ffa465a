import type { Logger } from '../core/logger.js';
import type { Runtime } from '../core/runtime.js';
import { errorFields } from './logger.js';

/** What the monitor watches, and whom it tells. */
export interface HealthMonitorOptions {
  /** Rejects when the database cannot be used. */
  readonly check: (signal: AbortSignal) => Promise<unknown>;
  /** Told of each change. */
  readonly onChange: (serving: boolean) => void;
  readonly runtime: Runtime;
  readonly logger: Logger;
  /**
   * Milliseconds between two looks.
   * @default 1000
   */
  readonly intervalMilliseconds?: number;
  /**
   * Milliseconds that one look may take.
   * @default 2000
   */
  readonly timeoutMilliseconds?: number;
}

/** Serving while the database answers, and from outside seen as such: the state follows it within about a second. */
export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  readonly #stop = new AbortController();
  #serving = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
  }

  get serving(): boolean {
    return this.#serving;
  }

  /** Takes the first look before it resolves. */
  async start(): Promise<void> {
    await this.#look(true);
    this.#done = this.#watch();
  }

  /** Reports not serving, for good. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('The health monitor is stopped'));
    await this.#done;
    this.#become(false);
  }

  async #watch(): Promise<void> {
    const { runtime, intervalMilliseconds = 1000 } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await runtime.sleep(intervalMilliseconds, signal).catch(() => undefined);
      if (!signal.aborted) await this.#look();
    }
  }

  async #look(first = false): Promise<void> {
    const { check, logger, timeoutMilliseconds = 2000 } = this.#options;
    try {
      await check(AbortSignal.timeout(timeoutMilliseconds));
      if (!this.#serving && !first && !this.#stop.signal.aborted)
        logger.info('Serving again: the database answers');
      this.#become(!this.#stop.signal.aborted);
    } catch (error) {
      if (this.#serving) logger.error('Not serving: the database does not answer', errorFields(error));
      this.#become(false);
    }
  }

  #become(serving: boolean): void {
    if (serving === this.#serving) return;
    this.#serving = serving;
    this.#options.onChange(serving);
  }
}
