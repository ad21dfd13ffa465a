import { DEFAULT_LIST_PAGE } from '../core/limits.js';
import { lastKeyOf, pageToken } from '../core/page-token.js';
import type { ListStreamsRequest, StreamList } from '../core/stream-list.js';
import type { Database } from './database.js';
import { streamsCondition } from './filter-condition.js';
import { Parameters } from './parameters.js';
import { quotedSchema } from './schema.js';
import { streamColumns, streamFromRow } from './stream-row.js';

/** A page of streams, in the order of the primary key. Throws `InvalidRequestError` for a token of another request. */
export async function listStreams(
  database: Database,
  schema: string,
  request: ListStreamsRequest,
  signal?: AbortSignal,
): Promise<StreamList> {
  const size = request.pageSize ?? DEFAULT_LIST_PAGE;
  const same = ['streams', request.aggregateType ?? '', request.aggregateIdPrefix ?? '', deletedOf(request)];
  const last = lastKeyOf(request.pageToken, same, 2);
  const { text, values } = listStreamsStatement(schema, request, last);
  const rows = await database.query('read', text, values, { signal });
  const streams = rows.slice(0, size).map(streamFromRow);
  const end = streams.at(-1)?.stream;
  return {
    streams,
    nextPageToken:
      rows.length > size && end !== undefined
        ? pageToken(same, [end.aggregateType, end.aggregateId])
        : undefined,
  };
}

/** The statement for one stream more than the page has, so that it is known whether another page follows. */
export function listStreamsStatement(
  schema: string,
  request: ListStreamsRequest,
  last: readonly string[] | undefined,
): { text: string; values: readonly unknown[] } {
  const { aggregateType, aggregateIdPrefix } = request;
  const parameters = new Parameters();
  const conditions: string[] = [DELETED[deletedOf(request)]];
  if (aggregateType !== undefined) conditions.push(`s.aggregate_type = ${parameters.text(aggregateType)}`);
  if (request.only) conditions.push(streamsCondition('s', request.only, parameters));
  if (aggregateIdPrefix !== undefined) {
    conditions.push(`s.aggregate_id >= ${parameters.text(aggregateIdPrefix)}`);
    const end = behindPrefix(aggregateIdPrefix);
    if (end !== undefined) conditions.push(`s.aggregate_id < ${parameters.text(end)}`);
  }
  if (last !== undefined) {
    const [type = '', id = ''] = last;
    conditions.push(
      `(s.aggregate_type, s.aggregate_id) > (${parameters.text(type)}, ${parameters.text(id)})`,
    );
  }
  const size = request.pageSize ?? DEFAULT_LIST_PAGE;
  return {
    text: `SELECT ${streamColumns(schema)} FROM ${quotedSchema(schema)}.streams s
            WHERE ${conditions.join(' AND ')}
            ORDER BY s.aggregate_type, s.aggregate_id LIMIT ${parameters.bigint(BigInt(size) + 1n)}`,
    values: parameters.values,
  };
}

type Deleted = NonNullable<ListStreamsRequest['deleted']>;

const DELETED: Readonly<Record<Deleted, string>> = {
  EXCLUDE: 's.deleted_at IS NULL',
  INCLUDE: 'true',
  ONLY: 's.deleted_at IS NOT NULL',
};

function deletedOf(request: ListStreamsRequest): Deleted {
  return request.deleted ?? 'EXCLUDE';
}

const HIGHEST = 0x10ffff;
const LAST_BEFORE_SURROGATES = 0xd7ff;
const FIRST_BEHIND_SURROGATES = 0xe000;

/**
 * The least text behind all that begin so, in the order of UTF-8's bytes, which is that of code points; `undefined` if
 * there is none.
 */
export function behindPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === HIGHEST) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  const next = last === LAST_BEFORE_SURROGATES ? FIRST_BEHIND_SURROGATES : last + 1;
  return String.fromCodePoint(...points, next);
}
