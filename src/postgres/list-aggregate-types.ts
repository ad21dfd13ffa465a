import { DEFAULT_LIST_PAGE } from '../core/limits.js';
import { lastKeyOf, pageToken } from '../core/page-token.js';
import type { AggregateTypeList, ListAggregateTypesRequest } from '../core/stream-list.js';
import type { Database } from './database.js';
import { quotedSchema } from './schema.js';

const SAME = ['aggregate-types'];

/** A page of aggregate types; counts the streams of each. Throws `InvalidRequestError` for a token of another list. */
export async function listAggregateTypes(
  database: Database,
  schema: string,
  request: ListAggregateTypesRequest,
  signal?: AbortSignal,
): Promise<AggregateTypeList> {
  const size = request.pageSize ?? DEFAULT_LIST_PAGE;
  const [last = ''] = lastKeyOf(request.pageToken, SAME, 1) ?? [];
  const rows = await database.query(
    'read',
    `SELECT s.aggregate_type, count(*) - count(s.deleted_at), count(s.deleted_at), sum(s.version)
       FROM ${quotedSchema(schema)}.streams s
      WHERE s.aggregate_type > $1
      GROUP BY s.aggregate_type ORDER BY s.aggregate_type LIMIT $2`,
    [last, size + 1],
    { signal },
  );
  const aggregateTypes = rows.slice(0, size).map(([aggregateType, streams, deletedStreams, events]) => ({
    aggregateType: aggregateType ?? '',
    streams: BigInt(streams ?? 0),
    deletedStreams: BigInt(deletedStreams ?? 0),
    events: BigInt(events ?? 0),
  }));
  const end = aggregateTypes.at(-1)?.aggregateType;
  return {
    aggregateTypes,
    nextPageToken: rows.length > size && end !== undefined ? pageToken(SAME, [end]) : undefined,
  };
}
