import { NamespaceService } from '../../gen/headwater/v1/namespace_service_pb.js';
import type { CallOptions } from '../core/call-options.js';
import { InvalidRequestError } from '../core/errors.js';
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
import {
  fromWireCreateNamespaceResponse,
  fromWireDroppedNamespace,
  fromWireNamespaceList,
  toWireCreateNamespaceRequest,
  toWireDropNamespaceRequest,
  toWireListNamespacesRequest,
} from '../wire/namespace.js';
import { ask, type AskParts } from './ask.js';

const { createNamespace, dropNamespace, listNamespaces } = NamespaceService.method;

/** What making or dropping may take at least, in milliseconds: a large log is not dropped in a moment. */
const PATIENCE = 60_000;

export interface NamespacesClientParts extends AskParts {
  /** Milliseconds for which a list is tried. */
  readonly timeoutMs: number;
}

/**
 * Makes, lists and drops namespaces of a service.
 *
 * @example
 * await connection.namespaces.create('orders');
 * await connection.namespace('orders').eventStore.append({ streams });
 * await connection.namespaces.drop('orders', { confirm: 'orders' });
 */
export class NamespacesClient implements Namespaces {
  readonly #parts: NamespacesClientParts;

  constructor(parts: NamespacesClientParts) {
    this.#parts = parts;
  }

  async create(name: string, options: CallOptions = {}): Promise<Namespace> {
    validateNewNamespace(name, 'name');
    const request = toWireCreateNamespaceRequest(name);
    return fromWireCreateNamespaceResponse(
      await ask(this.#parts, createNamespace, request, this.#once(options)),
    );
  }

  async list(request: ListNamespacesRequest = {}, options: CallOptions = {}): Promise<NamespaceList> {
    validateListNamespaces(request);
    const { signal, timeoutMilliseconds: timeoutMs = this.#parts.timeoutMs } = options;
    return fromWireNamespaceList(
      await ask(this.#parts, listNamespaces, toWireListNamespacesRequest(request), { timeoutMs, signal }),
    );
  }

  async drop(name: string, { confirm, ...options }: DropNamespaceOptions): Promise<DroppedNamespace> {
    validateNamespace(name, 'name');
    if (confirm !== name)
      throw new InvalidRequestError([{ field: 'confirm', description: 'must be the name once more' }]);
    const request = toWireDropNamespaceRequest({ name, confirm });
    return fromWireDroppedNamespace(await ask(this.#parts, dropNamespace, request, this.#once(options)));
  }

  /** Sent twice, it would fail because it was done. */
  #once({ signal, timeoutMilliseconds }: CallOptions) {
    const timeoutMs = timeoutMilliseconds ?? Math.max(PATIENCE, this.#parts.timeoutMs);
    return { timeoutMs, signal, idempotent: false };
  }
}
