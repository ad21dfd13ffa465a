import type { GroupList, PageRequest } from '../../core/consumer-groups.js';
import { DEFAULT_LIST_PAGE } from '../../core/limits.js';
import { lastKeyOf, pageToken } from '../../core/page-token.js';
import { quotedSchema } from '../schema.js';
import type { GroupDatabase } from './group-database.js';
import { GROUP_COLUMNS, groupFromRow } from './group-row.js';

/** A page of the groups, by the bytes of their names. */
export async function listGroups(
  { database, schema, signal }: GroupDatabase,
  { pageSize = DEFAULT_LIST_PAGE, pageToken: token }: PageRequest,
): Promise<GroupList> {
  const [last] = lastKeyOf(token, ['groups'], 1) ?? [];
  const rows = await database.query(
    'read',
    `SELECT ${GROUP_COLUMNS} FROM ${quotedSchema(schema)}.consumer_groups g
      WHERE $1::text IS NULL OR g.name > $1 ORDER BY g.name LIMIT $2`,
    [last ?? null, pageSize + 1],
    { signal },
  );
  const groups = rows.slice(0, pageSize).map(groupFromRow);
  const end = groups.at(-1);
  const more = end !== undefined && rows.length > pageSize;
  return { groups, nextPageToken: more ? pageToken(['groups'], [end.name]) : undefined };
}
