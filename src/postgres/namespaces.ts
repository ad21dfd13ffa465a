import {
  type HeadwaterError,
  InvalidRequestError,
  NamespaceExistsError,
  NamespaceNotFoundError,
  type Outcome,
  OverloadedError,
  StoreUnavailableError,
} from '../core/errors.js';
import { DEFAULT_LIST_PAGE } from '../core/limits.js';
import {
  type DroppedNamespace,
  type DropNamespaceOptions,
  type ListNamespacesRequest,
  type Namespace,
  type NamespaceList,
  type Namespaces,
  validateListNamespaces,
  validateNamespace,
  validateNewNamespace,
} from '../core/namespace.js';
import { lastKeyOf, pageToken } from '../core/page-token.js';
import type { Runtime } from '../core/runtime.js';
import { UnsuitableDatabaseError } from './check-server.js';
import { type Cluster, createCluster } from './cluster.js';
import type { Database } from './database.js';
import { dropNamespace } from './drop-namespace.js';
import { findNamespaces, type FoundNamespace, listNamespaces } from './find-namespaces.js';
import { migrate } from './migrate.js';
import { type OpenedNamespace, openNamespace } from './open-namespace.js';
import type { PostgresEventStore } from './postgres-event-store.js';
import { RefusedNames } from './refused-names.js';
import { mayBeGone } from './schema-gone.js';
import { sqlstateOf, storeError } from './sqlstate.js';

/** Where a store is to be made. */
export interface StorePlace {
  readonly database: Database;
  readonly namespace: string;
  /**
   * The error for what a statement fails with when the namespace was dropped under the store; `undefined` for any other
   * failure. To be asked about whatever is unexpected, by which the drop is noticed.
   */
  readonly vanished: (error: unknown, outcome?: Outcome) => HeadwaterError | undefined;
}

export interface PostgresNamespacesOptions {
  /** The name of the default one; it is on the service's own database. */
  readonly default: string;
  /** The service's own database. */
  readonly database: Database;
  /**
   * Where others are that are not there.
   * @default none
   */
  readonly placements?: ReadonlyMap<string, Database>;
  readonly runtime: Runtime;
  /** Makes a store, not started. */
  readonly createStore: (place: StorePlace) => PostgresEventStore;
  /**
   * How many may be open at the same time.
   * @default 100
   */
  readonly maxOpen?: number;
  /** Logs an unexpected failure, and gives the error to answer instead. */
  readonly onUnexpected: (error: unknown, outcome?: Outcome) => HeadwaterError;
}

const LIST = ['namespaces'];
/** Milliseconds for which "the schema is there" is believed when a statement does not find something in it. */
const BELIEVED = 60_000;

/**
 * The namespaces of a service, each a schema in its own database or in one of the placements. One is opened when it is
 * first used, and stays open until it is dropped.
 */
export class PostgresNamespaces implements Namespaces {
  readonly default: string;
  readonly #options: PostgresNamespacesOptions;
  readonly #own: Cluster;
  readonly #clusters: readonly Cluster[];
  readonly #opened = new Map<string, OpenedNamespace>();
  readonly #opening = new Map<string, Promise<OpenedNamespace>>();
  /** Of what is open or about to be; these are bounded. */
  readonly #places = new Set<string>();
  readonly #dropping = new Set<string>();
  readonly #refused: RefusedNames;
  /** Until when the schema is believed to be there, by name, in the time of the monotonic clock. */
  readonly #believed = new Map<string, number>();
  readonly #stopping = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: PostgresNamespacesOptions) {
    this.default = options.default;
    this.#options = options;
    this.#refused = new RefusedNames(options.runtime);
    const { database, placements = new Map<string, Database>() } = options;
    this.#own = this.#cluster(database, undefined);
    const others = new Set([...placements.values()].filter((other) => other !== database));
    this.#clusters = [
      this.#own,
      ...[...others].map((other) =>
        this.#cluster(
          other,
          [...placements].filter(([, placed]) => placed === other).map(([name]) => name),
        ),
      ),
    ];
  }

  /** Opens the default namespace, and makes it where it is not there. Rejects with what `migrate` does. */
  async start(): Promise<OpenedNamespace> {
    this.#places.add(this.default);
    return this.#openIn(this.#own, this.default, true);
  }

  /** Stops all stores: appends that were taken are answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clusters.map(({ watch }) => watch.stop()));
    await Promise.allSettled(this.#opening.values());
    await Promise.all([...this.#opened.values()].map(({ store }) => store.stop()));
    await Promise.all(this.#stopping);
  }

  /**
   * Makes ready what {@link of} gives; `undefined` if it is ready. Rejects with `NamespaceNotFoundError`, with
   * `OverloadedError` where too many are open or looked for, and with `StoreUnavailableError`.
   */
  open(name: string): Promise<OpenedNamespace> | undefined {
    if (this.#opened.has(name)) return undefined;
    const refused = this.#stopped ? notNow('The service is shutting down') : this.#refusal(name);
    if (refused !== undefined) return Promise.reject(refused);
    let opening = this.#opening.get(name);
    if (opening === undefined) {
      opening = this.#open(name).finally(() => this.#opening.delete(name));
      this.#opening.set(name, opening);
    }
    return opening;
  }

  /** One that is open. Throws `NamespaceNotFoundError` for any other. */
  of(name: string): OpenedNamespace {
    const opened = this.#opened.get(name);
    if (opened === undefined) throw this.#refusal(name) ?? new NamespaceNotFoundError(name);
    return opened;
  }

  async create(name: string): Promise<Namespace> {
    validateNewNamespace(name, 'name');
    const { database, lookups, openings } = this.#clusterOf(name);
    try {
      const [found] = await lookups.run(() => findNamespaces(database, [name]));
      if (found !== undefined) throw new NamespaceExistsError(name);
      const { created } = await openings.run(() => migrate(database, name));
      // Another was faster.
      if (!created) throw new NamespaceExistsError(name);
    } catch (error) {
      if (error instanceof UnsuitableDatabaseError) throw cannotBe('created', error.message, error);
      throw this.#typed(error);
    }
    this.#refused.delete(name);
    return this.#describe(name);
  }

  async list(request: ListNamespacesRequest = {}): Promise<NamespaceList> {
    validateListNamespaces(request);
    const { pageSize = DEFAULT_LIST_PAGE } = request;
    const after = lastKeyOf(request.pageToken, LIST, 1)?.[0] ?? '';
    const placed = this.#clusters.flatMap((cluster) => cluster.placed ?? []);
    const found = await Promise.all(
      this.#clusters.map(async (cluster) => {
        const only = cluster.placed;
        const except = only === undefined ? placed : [];
        try {
          return await listNamespaces(cluster.database, { after, limit: pageSize + 1, only, except });
        } catch (error) {
          if (only === undefined) throw this.#typed(error);
          throw new StoreUnavailableError(
            `The database where ${only.slice(0, 10).join(', ')} should be does not answer, so the list would not be complete`,
            { cause: error },
          );
        }
      }),
    );
    // Names are ASCII, so this is the order of their bytes.
    const names = found.flat().sort();
    const page = names.slice(0, pageSize);
    const last = page.at(-1);
    return {
      namespaces: page.map((name) => this.#describe(name)),
      nextPageToken: names.length > pageSize && last !== undefined ? pageToken(LIST, [last]) : undefined,
    };
  }

  async drop(name: string, { confirm }: DropNamespaceOptions): Promise<DroppedNamespace> {
    validateNamespace(name, 'name');
    if (name === this.default) throw cannotBe('dropped', 'it is the default namespace');
    if (confirm !== name)
      throw new InvalidRequestError([{ field: 'confirm', description: 'must be the name once more' }]);
    const dropping = this.#droppingNow(name);
    if (dropping !== undefined) throw dropping;
    const { database, lookups } = this.#clusterOf(name);
    this.#dropping.add(name);
    try {
      const [found] = await lookups.run(() => findNamespaces(database, [name]));
      if (found === undefined) throw new NamespaceNotFoundError(name);
      // Fails where it comes to an end, since the name is marked.
      await this.#opening.get(name)?.catch(() => undefined);
      const opened = this.#release(name);
      await opened?.store.stop();
      try {
        const bytes = await dropNamespace(database, name);
        opened?.end(new NamespaceNotFoundError(name));
        return { bytes };
      } catch (error) {
        opened?.end(notNow(`Namespace ${name} could not be dropped`));
        throw error;
      }
    } catch (error) {
      if (sqlstateOf(error) === '42501')
        throw cannotBe(
          'dropped',
          `the service does not own it: DROP SCHEMA "${name}" CASCADE as who does`,
          error,
        );
      throw this.#typed(error);
    } finally {
      this.#dropping.delete(name);
    }
  }

  #cluster(database: Database, placed: readonly string[] | undefined): Cluster {
    const opened = () =>
      [...this.#opened.values()].filter(({ name }) => this.#clusterOf(name).database === database);
    const onLost = (lost: FoundNamespace) => this.#lose(lost);
    return createCluster({ database, placed, runtime: this.#options.runtime, opened, onLost });
  }

  #clusterOf(name: string): Cluster {
    return this.#clusters.find(({ placed }) => placed?.includes(name)) ?? this.#own;
  }

  #describe(name: string): Namespace {
    const placement = this.#clusterOf(name) === this.#own ? undefined : name;
    return { name, default: name === this.default, placement };
  }

  /** Why it is not opened now, as far as that is known without the database. */
  #refusal(name: string): Error | undefined {
    return this.#droppingNow(name) ?? this.#refused.get(name);
  }

  #droppingNow(name: string): StoreUnavailableError | undefined {
    return this.#dropping.has(name) ? notNow(`Namespace ${name} is being dropped`) : undefined;
  }

  async #open(name: string): Promise<OpenedNamespace> {
    const { maxOpen = 100 } = this.#options;
    const cluster = this.#clusterOf(name);
    try {
      const [found] = await cluster.lookups.run(() => findNamespaces(cluster.database, [name]));
      if (found === undefined) throw new NamespaceNotFoundError(name);
      if (this.#places.size >= maxOpen)
        throw new OverloadedError(`${maxOpen} namespaces are open, which is all that may be`, {
          limit: 'max_namespaces',
          outcome: 'NOT_APPLIED',
          retryAfterMilliseconds: 1000,
        });
      this.#places.add(name);
      return await cluster.openings.run(() => this.#openIn(cluster, name, false));
    } catch (error) {
      if (!this.#opened.has(name)) this.#places.delete(name);
      const refusal =
        error instanceof UnsuitableDatabaseError
          ? notNow(`Namespace ${name} cannot be served: ${error.message}`, error)
          : mayBeGone(error)
            ? new NamespaceNotFoundError(name)
            : this.#typed(error);
      if (error instanceof UnsuitableDatabaseError || refusal instanceof NamespaceNotFoundError)
        this.#refused.add(name, refusal);
      throw refusal;
    }
  }

  async #openIn({ database, watch }: Cluster, name: string, create: boolean): Promise<OpenedNamespace> {
    const vanished: StorePlace['vanished'] = (error, outcome) => this.#vanished(name, error, outcome);
    const createStore = () => this.#options.createStore({ database, namespace: name, vanished });
    const opened = await openNamespace({ database, name, create, createStore });
    if (this.#stopped || this.#dropping.has(name)) {
      await opened.store.stop();
      throw notNow(`Namespace ${name} is being closed`);
    }
    this.#opened.set(name, opened);
    watch.start();
    return opened;
  }

  #vanished(name: string, error: unknown, outcome: Outcome | undefined): HeadwaterError | undefined {
    if (!mayBeGone(error)) return undefined;
    const { runtime } = this.#options;
    const opened = this.#opened.get(name);
    if (opened === undefined) return this.#droppingNow(name) ?? new NamespaceNotFoundError(name);
    if (runtime.monotonic() < (this.#believed.get(name) ?? Number.NEGATIVE_INFINITY)) return undefined;
    // Whether it is gone is known in a moment; who asks again then is told.
    void this.#clusterOf(name)
      .watch.look()
      .then((answered) => {
        if (answered && this.#opened.get(name) === opened)
          this.#believed.set(name, runtime.monotonic() + BELIEVED);
      });
    return new StoreUnavailableError(`Namespace ${name} may have been dropped; try again`, {
      cause: error,
      outcome,
      retryAfterMilliseconds: 100,
    });
  }

  #lose({ name, oid }: FoundNamespace): void {
    if (this.#opened.get(name)?.oid !== oid) return;
    const opened = this.#release(name);
    if (opened === undefined) return;
    opened.end(new NamespaceNotFoundError(name));
    const stopping = opened.store.stop().finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }

  #release(name: string): OpenedNamespace | undefined {
    const opened = this.#opened.get(name);
    this.#opened.delete(name);
    this.#places.delete(name);
    this.#believed.delete(name);
    return opened;
  }

  #typed(error: unknown): HeadwaterError {
    return storeError(error) ?? this.#options.onUnexpected(error);
  }
}

function notNow(message: string, cause?: Error): StoreUnavailableError {
  return new StoreUnavailableError(`${message}; try again`, {
    outcome: 'NOT_APPLIED',
    retryAfterMilliseconds: 200,
    ...(cause === undefined ? {} : { cause }),
  });
}

function cannotBe(done: string, why: string, cause?: unknown): InvalidRequestError {
  const refusal = new InvalidRequestError([{ field: 'name', description: `cannot be ${done}: ${why}` }]);
  if (cause !== undefined) refusal.cause = cause;
  return refusal;
}
