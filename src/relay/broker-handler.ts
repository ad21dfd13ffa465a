import type { Logger } from '../core/logger.js';
import type { RunningHandler } from '../core/message-bus.js';
import { onAbort } from '../core/on-abort.js';
import type { Runtime } from '../core/runtime.js';
import { Pause } from '../subscriptions/consume-pause.js';
import { reasonOf } from '../subscriptions/consume-reason.js';
import type { BrokerMessage, Deliveries } from './deliveries.js';
import { MissedEventsError, MissingPackageError } from './relay-error.js';

/** Where messages come from: a queue or a consumer of a broker. */
export interface MessageSource {
  /**
   * Connects, declares what is needed and hands messages over. Fails with what the broker said; asked again after a pause.
   *
   * @param again it was open before, so what it had made must still be there, or `MissedEventsError`
   */
  open(deliveries: Pick<Deliveries, 'take' | 'waiting'>, again: boolean): Promise<OpenSource>;
}

export interface OpenSource {
  /** Resolves when the broker hands over nothing more, with why. */
  readonly broken: Promise<Error>;
  /** No more messages; those that came can still be answered. */
  cancel(): Promise<void>;
  /** `forGood`: what was made for this handler alone goes too. */
  close(forGood: boolean): Promise<void>;
}

export interface BrokerHandlerParts {
  readonly source: MessageSource;
  readonly deliveries: Deliveries;
  readonly stopTimeoutMs: number;
  readonly runtime: Runtime;
  readonly logger: Logger;
}

export type { BrokerMessage };

/** A handler or worker on a broker: connects again for ever, with pauses that grow and are spread. */
export class BrokerHandler implements RunningHandler {
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly #parts: BrokerHandlerParts;
  readonly #stopping = new AbortController();
  #isReady: () => void = () => undefined;

  constructor(parts: BrokerHandlerParts) {
    this.#parts = parts;
    const becomesReady = new Promise<void>((resolve) => {
      this.#isReady = resolve;
    });
    this.ended = this.#run();
    const endsFirst = this.ended.then(() => {
      throw new Error('The handler was stopped before it had begun');
    });
    this.ready = Promise.race([becomesReady, endsFirst]);
    // Whoever does not wait for them is told by the logger.
    for (const one of [this.ended, endsFirst, this.ready]) one.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('The handler was stopped'));
    await this.ended.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { deliveries, logger, runtime, source } = this.#parts;
    const { signal } = this.#stopping;
    const pause = new Pause(runtime);
    let again = false;
    while (!signal.aborted) {
      let problem: unknown;
      try {
        const open = await source.open(deliveries, again);
        again = true;
        pause.worked();
        this.#isReady();
        problem = await this.#whileOpen(open);
        if (problem === undefined) return;
      } catch (error) {
        if (error instanceof Fatal || isFatal(error)) {
          const reason = error instanceof Fatal ? error.cause : error;
          logger.error('A handler has ended', { reason: reasonOf(reason) });
          throw reason;
        }
        problem = error;
      }
      logger.warn('A handler connects to its broker again', { reason: reasonOf(problem) });
      await pause.take(problem, signal).catch(() => undefined);
    }
  }

  /** Gives why it broke, or nothing if it was stopped. */
  async #whileOpen(open: OpenSource): Promise<Error | undefined> {
    const { deliveries, stopTimeoutMs } = this.#parts;
    const { signal } = this.#stopping;
    let letGo: (() => void) | undefined;
    const stopped = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      else letGo = onAbort(signal, () => resolve(undefined));
    });
    try {
      const broken = await Promise.race([open.broken, stopped, deliveries.failed]);
      if (broken === undefined) {
        await open.cancel().catch(() => undefined);
        await deliveries.finish(stopTimeoutMs);
      } else deliveries.lose(broken);
      await open.close(broken === undefined).catch(() => undefined);
      return broken;
    } catch (error) {
      deliveries.lose(error as Error);
      await open.close(true).catch(() => undefined);
      throw new Fatal(error);
    } finally {
      letGo?.();
    }
  }
}

/** Of a handler, and not of the broker. */
class Fatal extends Error {
  constructor(cause: unknown) {
    super('The handler has ended', { cause });
  }
}

function isFatal(error: unknown): boolean {
  return (
    error instanceof MissingPackageError ||
    error instanceof MissedEventsError ||
    // AMQP: access refused, or a queue of that name that is another. Asking again changes nothing.
    (error instanceof Error && 'code' in error && (error.code === 403 || error.code === 406))
  );
}
