import type { PageRequest, ParkedList, ParkedStream } from '../../core/consumer-groups.js';
import { DEFAULT_LIST_PAGE } from '../../core/limits.js';
import { lastParked, parkedToken } from '../../subscriptions/groups/parked-page.js';
import type { Row } from '../database.js';
import { quotedSchema } from '../schema.js';
import { microseconds } from '../stream-row.js';
import type { GroupDatabase } from './group-database.js';
import { findGroup } from './read-group.js';

/** A page of the parked streams of a group, by position. Throws `GroupNotFoundError`. */
export async function listParked(
  at: GroupDatabase,
  request: PageRequest & { readonly group: string },
): Promise<ParkedList> {
  const { group, pageSize = DEFAULT_LIST_PAGE, pageToken } = request;
  const last = lastParked(pageToken, group);
  await findGroup(at, group);
  const rows = await at.database.query(
    'read',
    `SELECT t.aggregate_type, t.aggregate_id, t.position, t.version, t.event_type, t.event_id, t.attempts, t.reason,
            ${microseconds('t.parked_at')}, t.kind = 'REPLAYING'
       FROM ${quotedSchema(at.schema)}.group_streams t
      WHERE t.group_name = $1 AND t.kind <> 'FAILING'
        AND (t.position, t.aggregate_type, t.aggregate_id) > ($2::bigint, $3::text, $4::text)
      ORDER BY t.position, t.aggregate_type, t.aggregate_id LIMIT $5`,
    [
      group,
      String(last?.position ?? -1n),
      last?.stream.aggregateType ?? '',
      last?.stream.aggregateId ?? '',
      pageSize + 1,
    ],
    { signal: at.signal },
  );
  const parked = rows.slice(0, pageSize).map(parkedStream);
  const end = parked.at(-1);
  const more = end !== undefined && rows.length > pageSize;
  return { parked, nextPageToken: more ? parkedToken(group, end) : undefined };
}

function parkedStream(row: Row): ParkedStream {
  const [type, id, position, version, eventType, eventId, attempts, reason, parkedAt, replaying] = row;
  return {
    stream: { aggregateType: type ?? '', aggregateId: id ?? '' },
    position: BigInt(position ?? 0),
    version: BigInt(version ?? 0),
    eventType: eventType ?? '',
    eventId: eventId ?? '',
    attempts: Number(attempts),
    reason: reason ?? '',
    parkedAt: BigInt(parkedAt ?? 0),
    replaying: replaying === 't',
  };
}
