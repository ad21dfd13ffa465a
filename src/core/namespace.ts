import type { CallOptions } from './call-options.js';
import { InvalidRequestError } from './errors.js';
import { LIST_PAGE } from './limits.js';

/** One isolated log with its own tables. */
export interface Namespace {
  readonly name: string;
  /** Whether it is the one that calls are about which name none. */
  readonly default: boolean;
  /** The name of its placement in the configuration; `undefined`: on the service's own database. */
  readonly placement: string | undefined;
}

export interface ListNamespacesRequest {
  /**
   * At most so many, up to 1,000.
   * @default 100
   */
  readonly pageSize?: number;
  /**
   * The `nextPageToken` of the page before.
   * @default the first page
   */
  readonly pageToken?: string;
}

/** Some namespaces, by name. */
export interface NamespaceList {
  readonly namespaces: readonly Namespace[];
  /** `undefined` if this was the last page. */
  readonly nextPageToken: string | undefined;
}

/** What stands against a slip. */
export interface DropNamespaceOptions extends CallOptions {
  /** The name once more. */
  readonly confirm: string;
}

/** What a drop took away. */
export interface DroppedNamespace {
  /** Bytes that it took in the database. */
  readonly bytes: bigint;
}

/** Makes, lists and drops namespaces. */
export interface Namespaces {
  /** Makes an empty one. Throws `NamespaceExistsError`, or `InvalidRequestError` where it cannot be made and why. */
  create(name: string, options?: CallOptions): Promise<Namespace>;
  /** Those that are there, by name. Fails with `StoreUnavailableError` if one of the databases is away. */
  list(request?: ListNamespacesRequest, options?: CallOptions): Promise<NamespaceList>;
  /**
   * Drops one with all that is in it, for good. The default one cannot be dropped. Throws `NamespaceNotFoundError`, or
   * `InvalidRequestError` where the name is not confirmed.
   */
  drop(name: string, options: DropNamespaceOptions): Promise<DroppedNamespace>;
}

const NAME = /^[a-z][a-z0-9_]{0,47}$/;

/** What is wrong with the name of a namespace, or `undefined`. */
export function namespaceProblem(name: string): string | undefined {
  return NAME.test(name)
    ? undefined
    : 'must be a lower-case letter and at most 47 letters, digits and _ behind it';
}

/** Throws `InvalidRequestError` that names the field. */
export function validateNamespace(name: string, field: string): void {
  const problem = namespaceProblem(name);
  if (problem !== undefined) throw new InvalidRequestError([{ field, description: problem }]);
}

/** Schemas that every Postgres has. */
const RESERVED = /^pg_|^(public|information_schema)$/;

/** As {@link validateNamespace}, for one that is to be made. */
export function validateNewNamespace(name: string, field: string): void {
  validateNamespace(name, field);
  if (RESERVED.test(name))
    throw new InvalidRequestError([{ field, description: 'is a name that Postgres keeps for itself' }]);
}

/** Throws `InvalidRequestError` if the size of a page is not allowed. */
export function validateListNamespaces({ pageSize }: ListNamespacesRequest): void {
  if (pageSize === undefined || (Number.isInteger(pageSize) && pageSize >= 1 && pageSize <= LIST_PAGE))
    return;
  const description = `is ${pageSize}, it must be from 1 to ${LIST_PAGE}`;
  throw new InvalidRequestError([{ field: 'page_size', description }]);
}
