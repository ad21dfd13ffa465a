import { InternalError } from '../../src/core/errors.js';
import type { Database } from '../../src/postgres/database.js';
import { PostgresNamespaces, type PostgresNamespacesOptions } from '../../src/postgres/namespaces.js';
import { systemRuntime } from '../../src/system.js';
import { storeOn } from './test-database.js';

/** Namespaces as a service has them, on the databases that are given. Not started. */
export function namespacesOn(
  database: Database,
  options: Partial<PostgresNamespacesOptions> & Pick<PostgresNamespacesOptions, 'default'>,
): PostgresNamespaces {
  const onUnexpected: PostgresNamespacesOptions['onUnexpected'] = (cause, outcome) =>
    new InternalError('in a test', { cause, outcome });
  return new PostgresNamespaces({
    database,
    runtime: systemRuntime,
    onUnexpected,
    createStore: ({ database: on, namespace, vanished }) =>
      storeOn(
        { database: on, schema: namespace },
        {
          onUnexpected: (error, outcome) => vanished(error, outcome) ?? onUnexpected(error, outcome),
          subscriptions: { tail: { onFailure: (error) => void vanished(error), pollMilliseconds: 50 } },
        },
      ),
    ...options,
  });
}
