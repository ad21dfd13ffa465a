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

export interface ClustersOptions {
  /** The service's own. */
  readonly database: Database;
  /** Where namespaces are that are not there. */
  readonly placements: ReadonlyMap<string, Database>;
  readonly runtime: Runtime;
  /** The namespaces that are open now, wherever. */
  readonly opened: () => readonly FoundNamespace[];
  /** Told of each that is not there any more. */
  readonly onLost: (namespace: FoundNamespace) => void;
}

/** All databases of a service, and which of them holds a namespace. */
export class Clusters {
  readonly own: Cluster;
  /** The service's own first. */
  readonly all: readonly Cluster[];
  readonly #options: ClustersOptions;

  constructor(options: ClustersOptions) {
    this.#options = options;
    const { database, placements } = options;
    this.own = this.#make(database, undefined);
    const others = new Set([...placements.values()].filter((other) => other !== database));
    const placedOn = (other: Database) =>
      [...placements].filter(([, placed]) => placed === other).map(([name]) => name);
    this.all = [this.own, ...[...others].map((other) => this.#make(other, placedOn(other)))];
  }

  of(name: string): Cluster {
    return this.all.find(({ placed }) => placed?.includes(name)) ?? this.own;
  }

  #make(database: Database, placed: readonly string[] | undefined): Cluster {
    const { onLost, opened, runtime } = this.#options;
    return {
      database,
      placed,
      lookups: new Limiter({ running: 4, waiting: 1000, limit: 'namespace_lookups' }),
      openings: new Limiter({ running: 4, waiting: 1000, limit: 'namespace_openings' }),
      watch: new NamespaceWatch({
        database,
        runtime,
        opened: () => opened().filter(({ name }) => this.of(name).database === database),
        onLost,
      }),
    };
  }
}
