import type { Logger } from '../core/logger.js';
import type { Runtime } from '../core/runtime.js';
import { errorFields } from './logger.js';

/** What the monitor watches, and whom it tells. */
export interface HealthMonitorOptions {
  /** Rejects when the database cannot be used; tells how far the log's newest time is ahead of the clock. */
  readonly check: (signal: AbortSignal) => Promise<{ readonly headAheadSeconds: number }>;
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

/** A log that is further ahead of the clock is told of: a clock was wrong, or is now. */
const AHEAD_SECONDS = 5;

/** Serving while the database answers, and from outside seen as such: the state follows it within about a second. */
export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  readonly #stop = new AbortController();
  #serving = false;
  #headAheadSeconds = 0;
  #done: Promise<void> = Promise.resolve();

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
  }

  get serving(): boolean {
    return this.#serving;
  }

  /** How far the log's newest time is ahead of the database's clock; 0 unless it is more than a few seconds. */
  get headAheadSeconds(): number {
    return this.#headAheadSeconds;
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
      const { headAheadSeconds } = await check(AbortSignal.timeout(timeoutMilliseconds));
      this.#compareClocks(headAheadSeconds);
      if (!this.#serving && !first && !this.#stop.signal.aborted)
        logger.info('Serving again: the database answers');
      this.#become(!this.#stop.signal.aborted);
    } catch (error) {
      if (this.#serving) logger.error('Not serving: the database does not answer', errorFields(error));
      this.#become(false);
    }
  }

  #compareClocks(ahead: number): void {
    const seconds = ahead > AHEAD_SECONDS ? Math.round(ahead) : 0;
    if (seconds > 0 && this.#headAheadSeconds === 0)
      this.#options.logger.warn(
        "The log's newest time is ahead of the database's clock: until that has caught up, events get this time",
        { headAheadSeconds: seconds },
      );
    this.#headAheadSeconds = seconds;
  }

  #become(serving: boolean): void {
    if (serving === this.#serving) return;
    this.#serving = serving;
    this.#options.onChange(serving);
  }
}
