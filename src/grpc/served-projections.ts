import { InvalidRequestError } from '../core/errors.js';
import type { ProjectionsOf } from './projection-service.js';
import type { ServedNamespaces } from './served-namespaces.js';

/** The projections of a plan's namespace, which is open. Throws `InvalidRequestError` where it keeps none. */
export function projectionsOf(namespaces: Pick<ServedNamespaces, 'of'>): ProjectionsOf {
  return ({ namespace }) => {
    const { projections } = namespaces.of(namespace);
    if (projections === undefined)
      throw new InvalidRequestError([
        { field: 'namespace', description: `${namespace} is served without projections` },
      ]);
    return projections;
  };
}
