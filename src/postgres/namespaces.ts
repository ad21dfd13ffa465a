import {
  InvalidRequestError,
  NamespaceExistsError,
  NamespaceNotFoundError,
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
import { UnsuitableDatabaseError } from './check-server.js';
import { dropNamespace } from './drop-namespace.js';
import { findNamespaces, listNamespaces } from './find-namespaces.js';
import { migrate } from './migrate.js';
import { cannotBe } from './namespace-refusals.js';
import type { OpenedNamespace } from './open-namespace.js';
import { OpenNamespaces, type OpenNamespacesOptions } from './open-namespaces.js';
import { sqlstateOf } from './sqlstate.js';

export interface PostgresNamespacesOptions extends OpenNamespacesOptions {
  /** The name of the default one; it is on the service's own database. */
  readonly default: string;
}

/** Of what request page tokens are. */
const LIST = ['namespaces'];

/** The namespaces of a service, each a schema in its own database or in that of a placement. */
export class PostgresNamespaces implements Namespaces {
  readonly default: string;
  readonly #open: OpenNamespaces;

  constructor(options: PostgresNamespacesOptions) {
    this.default = options.default;
    this.#open = new OpenNamespaces(options);
  }

  /** Opens the default namespace, and makes it where it is not there. Rejects with what `migrate` does. */
  start(): Promise<OpenedNamespace> {
    return this.#open.openOrCreate(this.default);
  }

  /** Opens one for the service's own use, and makes it where it is not there. Rejects with what `migrate` does. */
  own(name: string): Promise<OpenedNamespace> {
    return this.#open.openOrCreate(name);
  }

  /** Stops all stores: appends that were taken are answered. */
  stop(): Promise<void> {
    return this.#open.stop();
  }

  /** See {@link OpenNamespaces.open}. */
  open(name: string): Promise<OpenedNamespace> | undefined {
    return this.#open.open(name);
  }

  /** See {@link OpenNamespaces.of}. */
  of(name: string): OpenedNamespace {
    return this.#open.of(name);
  }

  async create(name: string): Promise<Namespace> {
    validateNewNamespace(name, 'name');
    const { database, lookups, openings } = this.#open.clusters.of(name);
    try {
      const [found] = await lookups.run(() => findNamespaces(database, [name]));
      if (found !== undefined) throw new NamespaceExistsError(name);
      const { created } = await openings.run(() => migrate(database, name));
      // Another was faster.
      if (!created) throw new NamespaceExistsError(name);
    } catch (error) {
      if (error instanceof UnsuitableDatabaseError) throw cannotBe('created', error.message, error);
      throw this.#open.typed(error);
    }
    this.#open.created(name);
    return this.#describe(name);
  }

  async list(request: ListNamespacesRequest = {}): Promise<NamespaceList> {
    validateListNamespaces(request);
    const { pageSize = DEFAULT_LIST_PAGE } = request;
    const after = lastKeyOf(request.pageToken, LIST, 1)?.[0] ?? '';
    const placed = this.#open.clusters.all.flatMap((cluster) => cluster.placed ?? []);
    const found = await Promise.all(
      this.#open.clusters.all.map(async (cluster) => {
        const only = cluster.placed;
        const except = only === undefined ? placed : [];
        try {
          return await listNamespaces(cluster.database, { after, limit: pageSize + 1, only, except });
        } catch (error) {
          if (only === undefined) throw this.#open.typed(error);
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
    const { database, lookups } = this.#open.clusters.of(name);
    try {
      const [found] = await lookups.run(() => findNamespaces(database, [name]));
      if (found === undefined) throw new NamespaceNotFoundError(name);
      return { bytes: await this.#open.drop(name, () => dropNamespace(database, name)) };
    } catch (error) {
      if (sqlstateOf(error) === '42501')
        throw cannotBe(
          'dropped',
          `the service does not own it: DROP SCHEMA "${name}" CASCADE as who does`,
          error,
        );
      throw this.#open.typed(error);
    }
  }

  #describe(name: string): Namespace {
    const { clusters } = this.#open;
    const placement = clusters.of(name) === clusters.own ? undefined : name;
    return { name, default: name === this.default, placement };
  }
}
