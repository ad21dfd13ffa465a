import { DEFAULT_LIST_PAGE } from '../core/limits.js';
import { namedByAny } from '../core/matcher.js';
import { lastKeyOf, pageToken } from '../core/page-token.js';
import type { StreamInfo } from '../core/stream.js';
import type {
  AggregateTypeInfo,
  AggregateTypeList,
  ListAggregateTypesRequest,
  ListStreamsRequest,
  StreamList,
} from '../core/stream-list.js';
import { compareUtf8 } from '../core/utf8-order.js';
import { type StreamState, type Tables, versionOf } from './tables.js';

/** What is known about the stream; what has expired is emptied already. */
export function streamInfo(state: StreamState): StreamInfo {
  const { stream, createdAt, deletedAt, retention, hiddenBefore, truncatedBefore } = state;
  return {
    stream,
    version: versionOf(state),
    firstVersion: hiddenBefore > truncatedBefore ? hiddenBefore : truncatedBefore,
    createdAt,
    updatedAt: state.entries.at(-1)?.event.recordedAt ?? createdAt,
    deletedAt,
    retention,
    erasing: 0n,
  };
}

/** A page of the streams; the request is validated, but for its token. */
export function listStreams(tables: Tables, request: ListStreamsRequest): StreamList {
  const { aggregateType, aggregateIdPrefix = '', deleted = 'EXCLUDE' } = request;
  const asked = ['streams', aggregateType ?? '', aggregateIdPrefix, deleted];
  const wanted = [...tables.streams].filter(
    ({ stream, deletedAt }) =>
      (aggregateType === undefined || stream.aggregateType === aggregateType) &&
      stream.aggregateId.startsWith(aggregateIdPrefix) &&
      namedByAny(request.only, stream) &&
      (deleted === 'INCLUDE' || (deleted === 'ONLY') === (deletedAt !== undefined)),
  );
  const { entries, nextPageToken } = page(
    wanted,
    ({ stream }) => [stream.aggregateType, stream.aggregateId],
    asked,
    request,
  );
  return { streams: entries.map(streamInfo), nextPageToken };
}

/** A page of the aggregate types; the request is validated, but for its token. */
export function listAggregateTypes(tables: Tables, request: ListAggregateTypesRequest): AggregateTypeList {
  const types = new Map<string, AggregateTypeInfo>();
  for (const state of tables.streams) {
    if (!namedByAny(request.only, state.stream)) continue;
    const { aggregateType } = state.stream;
    const { streams, deletedStreams, events } = types.get(aggregateType) ?? NONE;
    const deleted = state.deletedAt !== undefined;
    types.set(aggregateType, {
      aggregateType,
      streams: deleted ? streams : streams + 1n,
      deletedStreams: deleted ? deletedStreams + 1n : deletedStreams,
      events: events + versionOf(state),
    });
  }
  const { entries, nextPageToken } = page(
    [...types.values()],
    ({ aggregateType }) => [aggregateType],
    ['types'],
    request,
  );
  return { aggregateTypes: entries, nextPageToken };
}

const NONE = { streams: 0n, deletedStreams: 0n, events: 0n };

/** Those behind the last one of the page before, by the bytes of their keys: what is written meanwhile moves nothing. */
function page<T>(
  all: readonly T[],
  keyOf: (one: T) => readonly string[],
  asked: readonly string[],
  {
    pageSize = DEFAULT_LIST_PAGE,
    pageToken: token,
  }: { readonly pageSize?: number; readonly pageToken?: string },
): { entries: readonly T[]; nextPageToken: string | undefined } {
  const last = lastKeyOf(token, asked, asked[0] === 'types' ? 1 : 2);
  const rest = all
    .filter((one) => last === undefined || compareKeys(keyOf(one), last) > 0)
    .sort((one, other) => compareKeys(keyOf(one), keyOf(other)));
  const entries = rest.slice(0, pageSize);
  const end = entries.at(-1);
  const more = end !== undefined && rest.length > entries.length;
  return { entries, nextPageToken: more ? pageToken(asked, keyOf(end)) : undefined };
}

function compareKeys(one: readonly string[], other: readonly string[]): number {
  for (const [index, part] of one.entries()) {
    const order = compareUtf8(part, other[index] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}
