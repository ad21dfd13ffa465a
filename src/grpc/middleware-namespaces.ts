import type { EventStore } from '../core/event-store.js';
import type { MiddlewareOptions } from '../core/middleware-failures.js';
import { withMiddleware } from '../core/middleware-store.js';
import type { StoreMiddleware } from '../core/store-middleware.js';
import type { ServedNamespaces } from './served-namespaces.js';

/** The namespaces with middleware around the store of each. It is asked for once for each store that is opened. */
export function withNamespaceMiddleware(
  namespaces: ServedNamespaces,
  middlewareOf: (namespace: string) => readonly StoreMiddleware[],
  options: MiddlewareOptions,
): ServedNamespaces {
  // One decorated store for each, since it keeps the order of appends. A namespace that is made anew has another store.
  const decorated = new WeakMap<EventStore, EventStore>();
  return {
    default: namespaces.default,
    open: (name) => namespaces.open(name),
    of: (name) => {
      const served = namespaces.of(name);
      const { store } = served;
      const known = decorated.get(store) ?? withMiddleware(store, middlewareOf(name), options);
      decorated.set(store, known);
      return { ...served, store: known };
    },
    create: (name, how) => namespaces.create(name, how),
    list: (request, how) => namespaces.list(request, how),
    drop: (name, how) => namespaces.drop(name, how),
  };
}
