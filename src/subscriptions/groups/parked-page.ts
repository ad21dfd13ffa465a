import type { ParkedStream } from '../../core/consumer-groups.js';
import { lastKeyOf, pageToken, refusedToken } from '../../core/page-token.js';
import { compareUtf8 } from '../../core/utf8-order.js';

/** Where a parked stream stands in the list. Two may be at one position, once an event was left out. */
export type ParkedKey = Pick<ParkedStream, 'position' | 'stream'>;

const POSITION = /^(0|[1-9]\d{0,18})$/;

/** The token of what comes behind the stream. */
export function parkedToken(group: string, { position, stream }: ParkedKey): string {
  return pageToken(['parked', group], [position.toString(), stream.aggregateType, stream.aggregateId]);
}

/** The last stream of the page before. Throws `InvalidRequestError` for what is no token of this list. */
export function lastParked(token: string | undefined, group: string): ParkedKey | undefined {
  const last = lastKeyOf(token, ['parked', group], 3);
  if (last === undefined) return undefined;
  const [position = '', aggregateType = '', aggregateId = ''] = last;
  if (!POSITION.test(position)) throw refusedToken();
  return { position: BigInt(position), stream: { aggregateType, aggregateId } };
}

/** By position, then by the bytes of type and id. */
export function compareParked(one: ParkedKey, other: ParkedKey): number {
  return (
    Number(one.position - other.position) ||
    compareUtf8(one.stream.aggregateType, other.stream.aggregateType) ||
    compareUtf8(one.stream.aggregateId, other.stream.aggregateId)
  );
}
