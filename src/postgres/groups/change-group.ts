import type { GroupSettings, ReplayParkedRequest } from '../../core/consumer-groups.js';
import { OverloadedError } from '../../core/errors.js';
import { GroupExistsError, GroupNotFoundError } from '../../core/follower-errors.js';
import type { EventSelection } from '../../core/selection.js';
import { selectionToJson } from '../../core/selection-json.js';
import type { LogPosition } from '../../core/subscribe.js';
import type { StoredGroup } from '../../subscriptions/groups/group-storage.js';
import { quotedSchema } from '../schema.js';
import { sqlstateOf } from '../sqlstate.js';
import type { GroupDatabase } from './group-database.js';
import { bigintOrNull, settingsArray } from './group-row.js';
import { findGroup } from './read-group.js';

/** A group to be created. */
export interface NewGroup {
  readonly name: string;
  readonly selection: EventSelection;
  readonly settings: GroupSettings;
  readonly slots: number;
  readonly position: LogPosition;
}

/** Creates a group, or finds it. Throws `GroupExistsError` if the one that is there is another. */
export async function createGroup(
  at: GroupDatabase,
  { name, position, selection, settings, slots }: NewGroup,
): Promise<{ readonly group: StoredGroup; readonly created: boolean }> {
  const wanted = [selectionToJson(selection), settingsArray(settings), slots] as const;
  const [row] = await call(at, 'group_create($1, $2, $3, $4, $5, $6)', [
    name,
    ...wanted,
    String(position.position),
    bigintOrNull(position.epoch),
  ]);
  const created = row === 't';
  const group = await findGroup(at, name, 'append');
  const found = [selectionToJson(group.selection), settingsArray(group.settings), group.slots];
  if (!created && JSON.stringify(found) !== JSON.stringify(wanted)) throw new GroupExistsError(name);
  return { group, created };
}

/** Throws `GroupNotFoundError`. */
export async function updateGroup(
  at: GroupDatabase,
  change: { readonly name: string; readonly selection?: EventSelection; readonly settings?: GroupSettings },
): Promise<StoredGroup> {
  const { name, selection, settings } = change;
  const [updated] = await call(at, 'group_update($1, $2, $3)', [
    name,
    selection ? selectionToJson(selection) : null,
    settings ? settingsArray(settings) : null,
  ]);
  if (updated !== 't') throw new GroupNotFoundError(name);
  return findGroup(at, name, 'append');
}

/** Throws `GroupNotFoundError`, and `OverloadedError` while a consumer's own transaction holds one of its slots. */
export async function deleteGroup(at: GroupDatabase, name: string): Promise<void> {
  const [deleted] = await notHeld(name, call(at, 'group_delete($1)', [name]));
  if (deleted !== 't') throw new GroupNotFoundError(name);
}

/** As {@link deleteGroup}. */
export async function resetGroup(at: GroupDatabase, name: string, to: LogPosition): Promise<void> {
  const values = [name, String(to.position), bigintOrNull(to.epoch)];
  const [done] = await notHeld(name, call(at, 'group_reset($1, $2, $3)', values));
  if (done !== 't') throw new GroupNotFoundError(name);
}

/** How many streams are to be tried again. In several transactions, if they are many. Throws `GroupNotFoundError`. */
export async function replayParked(at: GroupDatabase, request: ReplayParkedRequest): Promise<bigint> {
  const { database, schema, signal } = at;
  const { group, skipFirst = false, stream } = request;
  const only = [stream?.aggregateType ?? null, stream?.aggregateId ?? null];
  let count = 0n;
  let behind: string | null | undefined = '-1';
  while (typeof behind === 'string') {
    const [row] = await database.query(
      'append',
      `SELECT streams, last_position FROM ${quotedSchema(schema)}.group_replay($1, $2, $3, $4, $5)`,
      [group, ...only, skipFirst, behind],
      { signal },
    );
    const [streams, last] = row ?? [];
    if (typeof streams !== 'string') throw new GroupNotFoundError(group);
    count += BigInt(streams);
    behind = last;
  }
  return count;
}

/** Throws `GroupNotFoundError`. */
export async function joinGroup(
  at: GroupDatabase,
  member: { readonly group: string; readonly memberId: string; readonly name: string },
  { leaseMs, releaseMs }: { readonly leaseMs: number; readonly releaseMs: number },
): Promise<StoredGroup> {
  const { group, memberId, name } = member;
  const [joined] = await call(
    at,
    "group_join($1, $2, $3, $4 * interval '1 millisecond', $5 * interval '1 millisecond')",
    [group, memberId, name, leaseMs, releaseMs],
  );
  if (joined !== 't') throw new GroupNotFoundError(group);
  return findGroup(at, group, 'append');
}

/** The first column of what a function gives. */
async function call(
  { database, schema, signal }: GroupDatabase,
  text: string,
  values: readonly unknown[],
): Promise<readonly (string | null | undefined)[]> {
  const [row] = await database.query('append', `SELECT ${quotedSchema(schema)}.${text}`, values, { signal });
  return row ?? [];
}

async function notHeld<T>(group: string, done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    if (sqlstateOf(error) !== '55P03') throw error;
    throw new OverloadedError(
      `A consumer of group ${group} has a transaction open in which it acknowledged an event; try again`,
      { limit: 'lock_timeout', outcome: 'NOT_APPLIED', retryAfterMilliseconds: 1000 },
    );
  }
}
