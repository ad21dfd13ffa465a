import { DEFAULT_LIST_PAGE } from '../core/limits.js';
import { lastKeyOf, pageToken } from '../core/page-token.js';
import type { AggregateTypeList, ListAggregateTypesRequest } from '../core/stream-list.js';
import type { Database } from './database.js';
import { streamsCondition } from './filter-condition.js';
import { Parameters } from './parameters.js';
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
  const parameters = new Parameters();
  const conditions = [`s.aggregate_type > ${parameters.text(last)}`];
  if (request.only) conditions.push(streamsCondition('s', request.only, parameters));
  const text = `SELECT s.aggregate_type, count(*) - count(s.deleted_at), count(s.deleted_at), sum(s.version)
       FROM ${quotedSchema(schema)}.streams s
      WHERE ${conditions.join(' AND ')}
      GROUP BY s.aggregate_type ORDER BY s.aggregate_type LIMIT ${parameters.bigint(BigInt(size) + 1n)}`;
  const rows = await database.query('read', text, parameters.values, { signal });
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
