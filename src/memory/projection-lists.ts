import type { PageRequest } from '../core/consumer-groups.js';
import type { Microseconds } from '../core/event.js';
import { DEFAULT_LIST_PAGE } from '../core/limits.js';
import { lastKeyOf, pageToken } from '../core/page-token.js';
import type { FailedAggregates, ProjectionList } from '../core/projections.js';
import { type StreamId, streamKey } from '../core/stream.js';
import { compareUtf8 } from '../core/utf8-order.js';
import { failedBehind } from '../core/validate-projection.js';
import {
  failedOf,
  type GenerationRecord,
  projectionOf,
  type ProjectionRecord,
} from './projection-records.js';

/** A page of projections, by the bytes of their names; the request is validated, but for its token. */
export function listProjections(
  records: Iterable<ProjectionRecord>,
  { pageSize = DEFAULT_LIST_PAGE, pageToken: token }: PageRequest,
  { head, now }: { readonly head: bigint; readonly now: Microseconds },
): ProjectionList {
  const asked = ['projections'];
  const [last] = lastKeyOf(token, asked, 1) ?? [];
  const rest = [...records]
    .filter(({ name }) => last === undefined || compareUtf8(name, last) > 0)
    .sort((one, other) => compareUtf8(one.name, other.name));
  const page = rest.slice(0, pageSize);
  const end = page.at(-1);
  const more = end !== undefined && rest.length > page.length;
  return {
    projections: page.map((record) => projectionOf(record, head, now)),
    nextPageToken: more ? pageToken(asked, [end.name]) : undefined,
  };
}

/**
 * A page of failures, by position; the request is validated, but for its token.
 *
 * @param live of the projection; asked for when the token was looked at
 */
export function listFailedAggregates(
  live: () => GenerationRecord,
  { name, pageSize = DEFAULT_LIST_PAGE, pageToken: token }: PageRequest & { readonly name: string },
): FailedAggregates {
  const asked = ['failed-aggregates', name];
  const last = failedBehind(lastKeyOf(token, asked, 1)?.[0]);
  const rest = failedOf(live())
    .map(({ failure }) => failure)
    .filter(({ position }) => position > last);
  const failures = rest.slice(0, pageSize);
  const end = failures.at(-1);
  const more = end !== undefined && rest.length > failures.length;
  return { failures, nextPageToken: more ? pageToken(asked, [String(end.position)]) : undefined };
}

/** Marks failed aggregates as due, one or all; gives how many. */
export function retryAggregates(
  live: GenerationRecord,
  { reset = false, stream }: { readonly stream?: StreamId; readonly reset?: boolean },
): bigint {
  const wanted = failedOf(live).filter(
    (one) => stream === undefined || streamKey(one.stream) === streamKey(stream),
  );
  for (const one of wanted)
    live.aggregates.set(streamKey(one.stream), {
      ...one,
      ...(reset ? { version: 0n, state: new Uint8Array() } : {}),
      due: true,
    });
  return BigInt(wanted.length);
}
