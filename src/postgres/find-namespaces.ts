import type { Database } from './database.js';
import { MARK } from './migrate.js';

/** A namespace as the catalogue has it. */
export interface FoundNamespace {
  readonly name: string;
  /** Tells it from another that is made under its name later. */
  readonly oid: string;
}

const FOUND = `
  SELECT n.nspname, n.oid
    FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'schema_migrations'
   WHERE starts_with(obj_description(c.oid, 'pg_class'), '${MARK}')`;

/** Those of the names that are schemas of Headwater's. */
export async function findNamespaces(
  database: Database,
  names: readonly string[],
): Promise<readonly FoundNamespace[]> {
  const rows = await database.query('append', `${FOUND} AND n.nspname = ANY ($1::name[])`, [names]);
  return rows.map(([name, oid]) => ({ name: name ?? '', oid: oid ?? '' }));
}

/** Which of them to list. */
export interface ListedNamespaces {
  /** Those behind this name; '' is before all. */
  readonly after: string;
  readonly limit: number;
  /** Only these, or all … */
  readonly only: readonly string[] | undefined;
  /** … but these. */
  readonly except: readonly string[];
}

/** The names of Headwater's schemas in a database, by their bytes. */
export async function listNamespaces(
  database: Database,
  { after, except, limit, only }: ListedNamespaces,
): Promise<readonly string[]> {
  const rows = await database.query(
    'append',
    `${FOUND} AND n.nspname COLLATE "C" > $1 AND n.nspname <> ALL ($2::name[])
        AND ($3::name[] IS NULL OR n.nspname = ANY ($3::name[]))
      ORDER BY n.nspname COLLATE "C" LIMIT $4`,
    [after, except, only ?? null, limit],
  );
  return rows.map(([name]) => name ?? '');
}
