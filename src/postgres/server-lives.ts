import type { Ask } from './durability.js';

/** Which server a connection leads to, and since when it runs. */
export interface ServerIdentity {
  readonly systemId: string;
  /** Grows by one with each promotion. */
  readonly timeline: number;
  readonly startedAt: string;
}

/** The connection leads to a server on which nothing may be built; why is in the message. */
export class UnfitServerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnfitServerError';
  }
}

/** No standby has confirmed yet what the server shows. */
export class NotConfirmedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NotConfirmedError';
  }
}

/** Asks a connection where it leads. Throws `UnfitServerError` at a standby: what it shows may be old. */
export async function identify(ask: Ask): Promise<ServerIdentity> {
  const [row] = await ask(
    `SELECT pg_is_in_recovery(), system_identifier, pg_postmaster_start_time(),
            CASE WHEN NOT pg_is_in_recovery()
                 THEN ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer END
       FROM pg_control_system()`,
  );
  const [recovering, systemId, startedAt, timeline] = row ?? [];
  if (recovering !== 'f')
    throw new UnfitServerError('The server is a standby, which may be behind and cannot be written to');
  return { systemId: systemId ?? '', timeline: Number(timeline), startedAt: startedAt ?? '' };
}

/**
 * Resolves when a standby has all that is committed by now.
 *
 * @param begun to be called as soon as it is known with which life, and before what it waits for is written
 */
export type Barrier = (begun: (found: ServerIdentity) => void) => Promise<void>;

/**
 * The lives of the server behind an address, as connections find it: a restart begins a new one, and so does a promotion,
 * after which the address leads to another server. Connections of a former life are not used again.
 *
 * With a barrier, what a life shows is not trusted at first: after a crash Postgres shows commits that were still waiting
 * for a standby, and which a fail-over would undo. Once the barrier has passed, the standbys have all of them.
 */
export class ServerLives {
  readonly #barrier: Barrier | undefined;
  #latest: ServerIdentity | undefined;
  #current = 0;
  /** Grows with each reason to doubt. */
  #doubts = 0;
  #trusted: boolean;
  #confirming: Promise<void> | undefined;

  constructor(barrier?: Barrier) {
    this.#barrier = barrier;
    this.#trusted = barrier === undefined;
  }

  /** The number of the present life; 0 before the first. */
  get current(): number {
    return this.#current;
  }

  /** Whether what the present life shows may be told. */
  get trusted(): boolean {
    return this.#trusted;
  }

  /** The number of the life that the connection leads to. Throws `UnfitServerError` at a primary that was replaced. */
  admit(found: ServerIdentity): number {
    const latest = this.#latest;
    if (latest?.systemId === found.systemId && found.timeline < latest.timeline)
      throw new UnfitServerError(
        `The server is a former primary, on timeline ${found.timeline}: timeline ${latest.timeline} was in use already`,
      );
    const same =
      latest?.systemId === found.systemId &&
      latest.timeline === found.timeline &&
      latest.startedAt === found.startedAt;
    if (!same) {
      this.#latest = found;
      this.#current += 1;
      this.distrust();
    }
    return this.#current;
  }

  /** What the server shows may be lost with it, until the barrier has passed again. */
  distrust(): void {
    if (this.#barrier === undefined) return;
    this.#doubts += 1;
    this.#trusted = false;
  }

  /** Waits so long for the barrier; all who wait share one. Rejects with `NotConfirmedError`. */
  async trust(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new NotConfirmedError(
              'No synchronous standby has confirmed yet what the primary shows; try again',
            ),
          ),
        milliseconds,
      );
    });
    try {
      while (!this.#trusted) {
        this.#confirming ??= this.#confirm().finally(() => {
          this.#confirming = undefined;
        });
        await Promise.race([this.#confirming, late]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #confirm(): Promise<void> {
    let doubts = this.#doubts;
    try {
      await this.#barrier?.((found) => {
        this.admit(found);
        doubts = this.#doubts;
      });
    } catch (error) {
      // So that a flood of readers does not become one of connections.
      await new Promise((resolve) => setTimeout(resolve, 100));
      throw error instanceof NotConfirmedError
        ? error
        : new NotConfirmedError('What the primary shows could not be confirmed by a standby; try again', {
            cause: error,
          });
    }
    if (doubts === this.#doubts) this.#trusted = true;
  }
}
