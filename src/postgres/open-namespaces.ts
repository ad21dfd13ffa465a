import {
  type HeadwaterError,
  NamespaceNotFoundError,
  type Outcome,
  OverloadedError,
  StoreUnavailableError,
} from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import { UnsuitableDatabaseError } from './check-server.js';
import { type Cluster, Clusters } from './cluster.js';
import type { Database } from './database.js';
import { findNamespaces, type FoundNamespace } from './find-namespaces.js';
import { PostgresGroupStorage } from './groups/postgres-group-storage.js';
import { notNow } from './namespace-refusals.js';
import { type OpenedNamespace, openNamespace } from './open-namespace.js';
import type { PostgresEventStore } from './postgres-event-store.js';
import { PostgresProjections } from './projections/postgres-projections.js';
import { RefusedNames } from './refused-names.js';
import { mayBeGone } from './schema-gone.js';
import { storeError } from './sqlstate.js';

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

export interface OpenNamespacesOptions {
  /** The service's own database. */
  readonly database: Database;
  /**
   * Where namespaces are that are not there.
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

/** Milliseconds for which "the schema is there" is believed when a statement does not find something in it. */
const BELIEVED = 60_000;

/** The namespaces that are open. One is opened when it is first used, and stays open until it is dropped. */
export class OpenNamespaces {
  readonly clusters: Clusters;
  readonly #options: OpenNamespacesOptions;
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

  constructor(options: OpenNamespacesOptions) {
    this.#options = options;
    const { database, placements = new Map<string, Database>(), runtime } = options;
    this.#refused = new RefusedNames(runtime);
    this.clusters = new Clusters({
      database,
      placements,
      runtime,
      opened: () => [...this.#opened.values()],
      onLost: (lost) => this.#lose(lost),
    });
  }

  /** Opens one on the service's own database, and makes it where it is not there. Rejects with what `migrate` does. */
  openOrCreate(name: string): Promise<OpenedNamespace> {
    this.#places.add(name);
    return this.#openIn(this.clusters.own, name, true);
  }

  /** Stops all stores: appends that were taken are answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.clusters.all.map(({ watch }) => watch.stop()));
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

  /** That one was made, so that it is not refused for having been missing. */
  created(name: string): void {
    this.#refused.delete(name);
  }

  /**
   * Does what drops one: nobody uses it meanwhile, appends that were taken are answered before, and who follows it is told
   * after. Where that fails, it can be opened again.
   */
  async drop<T>(name: string, work: () => Promise<T>): Promise<T> {
    const dropping = this.#droppingNow(name);
    if (dropping !== undefined) throw dropping;
    this.#dropping.add(name);
    let opened: OpenedNamespace | undefined;
    try {
      // Fails where it comes to an end, since the name is marked.
      await this.#opening.get(name)?.catch(() => undefined);
      opened = this.#release(name);
      await opened?.store.stop();
      const done = await work();
      opened?.end(new NamespaceNotFoundError(name));
      return done;
    } catch (error) {
      opened?.end(
        error instanceof NamespaceNotFoundError ? error : notNow(`Namespace ${name} could not be dropped`),
      );
      throw error;
    } finally {
      this.#dropping.delete(name);
    }
  }

  /** The error for whoever asked. */
  typed(error: unknown): HeadwaterError {
    return storeError(error) ?? this.#options.onUnexpected(error);
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
    const cluster = this.clusters.of(name);
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
            : this.typed(error);
      if (error instanceof UnsuitableDatabaseError || refusal instanceof NamespaceNotFoundError)
        this.#refused.add(name, refusal);
      throw refusal;
    }
  }

  async #openIn({ database, watch }: Cluster, name: string, create: boolean): Promise<OpenedNamespace> {
    const vanished: StorePlace['vanished'] = (error, outcome) => this.#vanished(name, error, outcome);
    const createStore = () => this.#options.createStore({ database, namespace: name, vanished });
    const { onUnexpected, runtime } = this.#options;
    const createGroupStorage = () =>
      new PostgresGroupStorage({
        database,
        schema: name,
        runtime,
        onUnexpected: (error, outcome) => vanished(error, outcome) ?? onUnexpected(error, outcome),
      });
    const createProjections = ({ log }: PostgresEventStore) =>
      new PostgresProjections({
        database,
        schema: name,
        log,
        runtime,
        onUnexpected: (error, outcome) => vanished(error, outcome) ?? onUnexpected(error, outcome),
      });
    const makes = { createStore, createGroupStorage, createProjections };
    const opened = await openNamespace({ database, name, create, ...makes });
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
    void this.clusters
      .of(name)
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
    const stopping = opened.store
      .stop()
      .catch((error: unknown) => void this.#options.onUnexpected(error))
      .finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }

  #release(name: string): OpenedNamespace | undefined {
    const opened = this.#opened.get(name);
    this.#opened.delete(name);
    this.#places.delete(name);
    this.#believed.delete(name);
    return opened;
  }
}
