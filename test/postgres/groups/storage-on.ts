import { InternalError } from '../../../src/core/errors.js';
import {
  PostgresGroupStorage,
  type PostgresGroupStorageOptions,
} from '../../../src/postgres/groups/postgres-group-storage.js';
import { systemRuntime } from '../../../src/system.js';
import type { TestDatabase } from '../../support/test-database.js';

/** The storage of groups of one instance. */
export function groupStorageOn(
  { database, schema }: Pick<TestDatabase, 'database' | 'schema'>,
  options: Partial<PostgresGroupStorageOptions> = {},
): PostgresGroupStorage {
  return new PostgresGroupStorage({
    database,
    schema,
    runtime: systemRuntime,
    onUnexpected: (cause, outcome) => new InternalError('in a test', { cause, outcome }),
    ...options,
  });
}
