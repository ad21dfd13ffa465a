import type { Runtime } from '../core/runtime.js';
import type { Database } from './database.js';
import type { FoundNamespace } from './find-namespaces.js';
import { Limiter } from './limiter.js';
import { NamespaceWatch } from './namespace-watch.js';

/** A database that holds namespaces, and what is done there within bounds. */
export interface Cluster {
  readonly database: Database;
  /** The names that are placed there; `undefined` for the service's own, which holds all others. */
  readonly placed: readonly string[] | undefined;
  /** Names are looked up, each by one small statement. */
  readonly lookups: Limiter;
  /** Namespaces are opened, each with a connection of its own. */
  readonly openings: Limiter;
  readonly watch: NamespaceWatch;
}

export interface ClusterOptions {
  readonly database: Database;
  readonly placed: readonly string[] | undefined;
  readonly runtime: Runtime;
  readonly opened: () => readonly FoundNamespace[];
  readonly onLost: (namespace: FoundNamespace) => void;
}

export function createCluster({ database, onLost, opened, placed, runtime }: ClusterOptions): Cluster {
  return {
    database,
    placed,
    lookups: new Limiter({ running: 4, waiting: 1000, limit: 'namespace_lookups' }),
    openings: new Limiter({ running: 4, waiting: 1000, limit: 'namespace_openings' }),
    watch: new NamespaceWatch({ database, runtime, opened, onLost }),
  };
}
