import type pg from 'pg';
import { StoreUnavailableError } from '../core/errors.js';

// Where Postgres warns from when the wait for a synchronous standby was cancelled: committed here, perhaps nowhere else. The
// name of the routine is the same in every language of the server.
const SYNC_REPLICATION_WAIT = 'SyncRepWaitForLSN';

/** Notices when the server gave up waiting for a standby and acknowledged all the same. */
export class ReplicationWatch {
  readonly #client: pg.ClientBase;
  readonly #listener: (notice: { routine?: string | undefined }) => void;
  cutShort = false;

  constructor(client: pg.ClientBase) {
    this.#client = client;
    this.#listener = (notice) => {
      if (notice.routine === SYNC_REPLICATION_WAIT) this.cutShort = true;
    };
    client.on('notice', this.#listener);
  }

  end(): void {
    this.#client.off('notice', this.#listener);
  }
}

/** What the statement is answered with then. */
export function notReplicated(): StoreUnavailableError {
  return new StoreUnavailableError('Committed on the primary, but no standby has confirmed it', {
    outcome: 'UNKNOWN',
  });
}
