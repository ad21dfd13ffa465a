import { InternalError } from '../../../src/core/errors.js';
import { PostgresProjections } from '../../../src/postgres/projections/postgres-projections.js';
import { systemRuntime } from '../../../src/system.js';
import type { TestStore } from '../../support/test-database.js';

/** Projections beside a store, as an instance of the service has them. */
export function projectionsOn(
  { database, schema, store }: Pick<TestStore, 'database' | 'schema' | 'store'>,
  leaseMs = 6000,
): PostgresProjections {
  return new PostgresProjections({
    database,
    schema,
    log: store.log,
    runtime: systemRuntime,
    leaseMs,
    onUnexpected: (cause, outcome) => new InternalError('in a test', { cause, outcome }),
  });
}
