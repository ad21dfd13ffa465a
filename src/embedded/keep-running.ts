import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './start-embedded-postgres.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import type { ProcessExit } from './watched-process.js';

/** How a server that ends by itself is brought back. */
export interface KeepRunningOptions extends EmbeddedPostgresOptions {
  /** Told of each end that was not asked for, before the server is started again. */
  readonly onEnded?: (exit: ProcessExit, restarts: number) => void;
  /**
   * Restarts within a minute before it is given up.
   * @default 3
   */
  readonly restartsPerMinute?: number;
}

/** A Postgres of one's own that is started again when it dies. */
export interface KeptPostgres {
  /** As it was first; after a restart the connection is the same. */
  readonly first: EmbeddedPostgres;
  /** Resolves when it could not be brought back, never otherwise. */
  readonly givenUp: Promise<Error>;
  stop(): Promise<void>;
}

const MINUTE = 60_000;

/** Starts the server and keeps it running: after a kill -9, say, it recovers and is back within a second. */
export async function keepEmbeddedPostgresRunning(options: KeepRunningOptions): Promise<KeptPostgres> {
  const { onEnded, restartsPerMinute = 3, ...start } = options;
  const first = await startEmbeddedPostgres(start);
  let running = first;
  let starting: Promise<EmbeddedPostgres> | undefined;
  let stopping = false;
  const watch = async (): Promise<Error | undefined> => {
    let restarts: number[] = [];
    for (;;) {
      const exit = await running.exited;
      if (stopping) return undefined;
      const now = performance.now();
      restarts = [...restarts.filter((at) => now - at < MINUTE), now];
      onEnded?.(exit, restarts.length);
      if (restarts.length > restartsPerMinute)
        return new EmbeddedPostgresError(
          'START_FAILED',
          `The embedded Postgres has ended ${restarts.length} times within a minute; its log is postgres.log in ` +
            first.dataDirectory,
        );
      try {
        starting = startEmbeddedPostgres(start);
        running = await starting;
      } catch (error) {
        return error as Error;
      }
    }
  };
  const watched = watch();
  return {
    first,
    givenUp: new Promise((resolve) => {
      void watched.then((failure) => {
        if (failure) resolve(failure);
      });
    }),
    stop: async () => {
      stopping = true;
      // A restart that is under way is waited for, so that nothing is left behind.
      await starting?.catch(() => undefined);
      await running.stop();
      await watched;
    },
  };
}
