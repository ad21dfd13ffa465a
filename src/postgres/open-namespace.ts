import { NamespaceNotFoundError } from '../core/errors.js';
import type { Projections } from '../core/projections.js';
import type { Database } from './database.js';
import { findNamespaces } from './find-namespaces.js';
import type { PostgresGroupStorage } from './groups/postgres-group-storage.js';
import { migrate, type MigrationReport } from './migrate.js';
import type { PostgresEventStore } from './postgres-event-store.js';

/** A namespace that is open. */
export interface OpenedNamespace {
  readonly name: string;
  /** Tells it from another that is made under its name later. */
  readonly oid: string;
  readonly store: PostgresEventStore;
  /** What its consumer groups keep. */
  readonly groupStorage: PostgresGroupStorage;
  readonly projections: Projections;
  readonly migration: MigrationReport;
  /** Aborted, with the error for those who still use it, when it is dropped. */
  readonly gone: AbortSignal;
  /** Aborts `gone`. */
  end(reason: Error): void;
}

export interface OpenNamespaceOptions {
  readonly database: Database;
  readonly name: string;
  /** Whether to make it where it is not there. */
  readonly create: boolean;
  /** Makes the store, not started. */
  readonly createStore: () => PostgresEventStore;
  readonly createGroupStorage: () => PostgresGroupStorage;
  readonly createProjections: (store: PostgresEventStore) => Projections;
}

/** Brings the schema to this version's state, as at the start of a service, and starts a store on it. */
export async function openNamespace(options: OpenNamespaceOptions): Promise<OpenedNamespace> {
  const { create, createGroupStorage, createProjections, createStore, database, name } = options;
  const migration = await migrate(database, name, { create });
  const [found] = await findNamespaces(database, [name]);
  if (found === undefined) throw new NamespaceNotFoundError(name);
  const store = createStore();
  try {
    await store.start();
  } catch (error) {
    await store.stop();
    throw error;
  }
  const gone = new AbortController();
  return {
    ...found,
    store,
    groupStorage: createGroupStorage(),
    projections: createProjections(store),
    migration,
    gone: gone.signal,
    end: (reason) => gone.abort(reason),
  };
}
