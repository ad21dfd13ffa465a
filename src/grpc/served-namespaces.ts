import type { Plan } from '../auth/plan.js';
import { NamespaceNotFoundError } from '../core/errors.js';
import type { EventStore } from '../core/event-store.js';

/** A namespace that calls can be about now. */
export interface OpenNamespace {
  readonly store: EventStore;
  /** Aborted, with the error for those who still use it, when the namespace is dropped. */
  readonly gone: AbortSignal;
}

/** The namespaces that a server serves. */
export interface ServedNamespaces {
  /** The one that calls are about which name none. */
  readonly default: string;
  /**
   * Makes ready what {@link of} gives; `undefined` if it is ready already, so that the usual call does not wait. Rejects
   * with `NamespaceNotFoundError`, and with `StoreUnavailableError` while its database is away.
   */
  open(name: string): Promise<unknown> | undefined;
  /** Throws `NamespaceNotFoundError` for one that is not open, or no longer. */
  of(name: string): OpenNamespace;
}

/** The store of a plan's namespace. */
export type StoreOf = (plan: Plan) => EventStore;

/** A server of one store. */
export function oneNamespace(store: EventStore, name = 'headwater'): ServedNamespaces {
  const only: OpenNamespace = { store, gone: new AbortController().signal };
  const of = (asked: string) => {
    if (asked !== name) throw new NamespaceNotFoundError(asked);
    return only;
  };
  return {
    default: name,
    open: (asked) => (asked === name ? undefined : Promise.reject(new NamespaceNotFoundError(asked))),
    of,
  };
}
