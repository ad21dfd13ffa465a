import type { Database } from './database.js';
import { openLog } from './epochs.js';

/**
 * Opens a new epoch, where one is due, as soon as the server behind the address is found to be another one, and before
 * anything that was read there is told: else a position of a tail that a fail-over lost would look like one that nobody
 * ever had.
 */
export class LogLife {
  readonly #database: Database;
  readonly #schema: string;
  #opened = 0;

  constructor(database: Database, schema: string) {
    this.#database = database;
    this.#schema = schema;
  }

  /** What `read` gives, in an epoch that is of the server on which it was read. */
  async read<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      const found = await read();
      const { life } = this.#database;
      if (this.#opened === life) return found;
      await openLog(this.#database, this.#schema);
      this.#opened = life;
    }
  }
}
