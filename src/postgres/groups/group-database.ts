import type { Database } from '../database.js';

/** Where the groups of a namespace are, and how long whoever asks waits. */
export interface GroupDatabase {
  readonly database: Database;
  readonly schema: string;
  readonly signal?: AbortSignal | undefined;
}
