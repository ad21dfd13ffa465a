import { GroupNotFoundError } from '../../core/follower-errors.js';
import type { GroupStorage, StoredGroup } from '../../subscriptions/groups/group-storage.js';
import type { PoolName } from '../database.js';
import { quotedSchema } from '../schema.js';
import { storedPosition } from '../stored-position.js';
import { microseconds } from '../stream-row.js';
import type { GroupDatabase } from './group-database.js';
import { GROUP_COLUMNS, groupFromRow } from './group-row.js';

/** Throws `GroupNotFoundError`. */
export async function findGroup(
  { database, schema, signal }: GroupDatabase,
  name: string,
  pool: PoolName = 'read',
): Promise<StoredGroup> {
  const [row] = await database.query(
    pool,
    `SELECT ${GROUP_COLUMNS} FROM ${quotedSchema(schema)}.consumer_groups g WHERE g.name = $1`,
    [name],
    { signal },
  );
  if (row === undefined) throw new GroupNotFoundError(name);
  return groupFromRow(row);
}

/** A group and how it is doing, as of one moment. Throws `GroupNotFoundError`. */
export async function readGroup(at: GroupDatabase, name: string): ReturnType<GroupStorage['read']> {
  const { database, schema, signal } = at;
  const quoted = quotedSchema(schema);
  const [row] = await database.query(
    'read',
    `SELECT s.position, s.epoch, (SELECT h.position FROM ${quoted}.log_head h ORDER BY h.position DESC LIMIT 1),
            (SELECT count(*) FROM ${quoted}.group_streams t WHERE t.group_name = g.name AND t.kind <> 'FAILING'),
            (SELECT json_agg(json_build_array(m.member_id, m.name, m.joined_at::text, m.slots) ORDER BY m.joined_at, m.member_id)
               FROM (SELECT m.member_id, m.name, ${microseconds('m.joined_at')} AS joined_at,
                            (SELECT count(*) FROM ${quoted}.group_slots o
                              WHERE o.group_name = m.group_name AND o.member = m.member_id) AS slots
                       FROM ${quoted}.group_members m
                      WHERE m.group_name = g.name AND m.leased_until > clock_timestamp()
                      ORDER BY m.joined_at, m.member_id LIMIT 1000) m),
            ${GROUP_COLUMNS}
       FROM ${quoted}.consumer_groups g
      CROSS JOIN LATERAL (SELECT s.position, s.epoch FROM ${quoted}.group_slots s
                           WHERE s.group_name = g.name ORDER BY s.position, s.slot LIMIT 1) s
      WHERE g.name = $1`,
    [name],
    { signal },
  );
  if (row === undefined) throw new GroupNotFoundError(name);
  const [position, epoch, head, parked, members, ...group] = row;
  const rows = JSON.parse(members ?? '[]') as [string, string, string, number][];
  return {
    group: groupFromRow(group),
    position: storedPosition(position, epoch),
    head: BigInt(head ?? 0),
    parked: BigInt(parked ?? 0),
    members: rows.map(([memberId, called, joinedAt, slots]) => ({
      memberId,
      name: called,
      joinedAt: BigInt(joinedAt),
      slots,
    })),
  };
}
