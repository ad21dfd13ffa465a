import type { Plan } from '../auth/plan.js';
import { InvalidRequestError, NamespaceExistsError, NamespaceNotFoundError } from '../core/errors.js';
import type { EventStore } from '../core/event-store.js';
import type { Namespaces } from '../core/namespace.js';
import type { Projections } from '../core/projections.js';
import type { GroupStorage } from '../subscriptions/groups/group-storage.js';

/** A namespace that calls can be about now. */
export interface ServedNamespace {
  readonly store: EventStore;
  /** What its consumer groups keep; without it there are none. */
  readonly groupStorage?: GroupStorage;
  /** Its projections; without them there are none. */
  readonly projections?: Projections;
  /** Aborted, with the error for those who still use it, when the namespace is dropped. */
  readonly gone: AbortSignal;
}

/** The namespaces that a server serves. */
export interface ServedNamespaces extends Namespaces {
  /** The one that calls are about which name none. */
  readonly default: string;
  /**
   * Makes ready what {@link of} gives; `undefined` if it is ready already, so that the usual call does not wait. Rejects
   * with `NamespaceNotFoundError`, and with `StoreUnavailableError` while its database is away.
   */
  open(name: string): Promise<unknown> | undefined;
  /** Throws `NamespaceNotFoundError` for one that is not open, or no longer. */
  of(name: string): ServedNamespace;
}

/** The store of a plan's namespace. */
export type StoreOf = (plan: Plan) => EventStore;

/** The namespaces of a server that serves one store, whatever that is, and can make no others. */
export function oneNamespace(
  store: EventStore,
  name = 'headwater',
  more: Pick<ServedNamespace, 'groupStorage' | 'projections'> = {},
): ServedNamespaces {
  const only: ServedNamespace = { ...more, store, gone: new AbortController().signal };
  return {
    default: name,
    open: (asked) => (asked === name ? undefined : Promise.reject(new NamespaceNotFoundError(asked))),
    of: (asked) => {
      if (asked !== name) throw new NamespaceNotFoundError(asked);
      return only;
    },
    create: (asked) => Promise.reject(asked === name ? new NamespaceExistsError(asked) : refused('created')),
    list: async () => ({
      namespaces: [{ name, default: true, placement: undefined }],
      nextPageToken: undefined,
    }),
    drop: (asked) => Promise.reject(asked === name ? refused('dropped') : new NamespaceNotFoundError(asked)),
  };
}

function refused(done: string): InvalidRequestError {
  return new InvalidRequestError([
    { field: 'name', description: `cannot be ${done}: this service has one namespace` },
  ]);
}
