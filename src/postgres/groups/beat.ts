import { GroupNotFoundError } from '../../core/follower-errors.js';
import type {
  HeldSlot,
  MemberBeat,
  MemberOrders,
  StoredGroup,
  StreamMark,
} from '../../subscriptions/groups/group-storage.js';
import { quotedSchema } from '../schema.js';
import { storedPosition } from '../stored-position.js';
import type { GroupDatabase } from './group-database.js';
import { findGroup } from './read-group.js';

/** What a beat goes by. */
export interface BeatOptions {
  readonly leaseMs: number;
  readonly releaseMs: number;
  readonly maxParked: number;
}

/** What a beat did. */
export interface BeatDone {
  readonly orders: readonly MemberOrders[];
  /** The groups whose slots were shared out anew. */
  readonly shared: ReadonlySet<string>;
}

/** One call for all members of an instance; a further one for each group that has changed. */
export async function beat(
  at: GroupDatabase,
  beats: readonly MemberBeat[],
  { leaseMs, maxParked, releaseMs }: BeatOptions,
): Promise<BeatDone> {
  const known = beats.flatMap((one, index) =>
    one.known.map(({ fence, slot }) => [`${index + 1} ${slot}`, String(fence)] as const),
  );
  const rows = await at.database.query(
    'append',
    `SELECT ended, slots, marks, group_changed, shared
       FROM ${quotedSchema(at.schema)}.group_beat($1, $2, $3, $4, $5, $6, $7,
              $8 * interval '1 millisecond', $9 * interval '1 millisecond', $10)`,
    [
      beats.map(({ group }) => group),
      beats.map(({ memberId }) => memberId),
      beats.map(({ leaving }) => leaving ?? false),
      beats.map(({ revision }) => String(revision)),
      asJson(beats.flatMap((one, index) => one.slots.map((said) => saidOf(said, index + 1)))),
      asJson(beats.flatMap((one, index) => newsOf(one, index + 1))),
      asJson(Object.fromEntries(known)),
      leaseMs,
      releaseMs,
      maxParked,
    ],
    { signal: at.signal },
  );
  const shared = new Set<string>();
  const changed = new Map<string, StoredGroup | undefined>();
  for (const [index, [, , , groupChanged, sharedOut]] of rows.entries()) {
    const { group = '' } = beats[index] ?? {};
    if (sharedOut === 't') shared.add(group);
    if (groupChanged === 't' && !changed.has(group)) changed.set(group, await foundGroup(at, group));
  }
  const orders = beats.map(({ group, memberId }, index): MemberOrders => {
    const [ended, slots, marks, groupChanged] = rows[index] ?? [];
    const now = changed.get(group);
    if (groupChanged === 't' && now === undefined)
      return { group, memberId, ended: 'GROUP_NOT_FOUND', slots: [], marks: [] };
    return {
      group,
      memberId,
      ...(ended === 'GROUP_NOT_FOUND' || ended === 'LEASE_LOST' ? { ended } : {}),
      slots: heldSlots(slots),
      marks: streamMarks(marks),
      ...(groupChanged === 't' && now !== undefined && !ended ? { groupChanged: now } : {}),
    };
  });
  return { orders, shared };
}

/** `undefined` if it was deleted meanwhile. */
async function foundGroup(at: GroupDatabase, name: string): Promise<StoredGroup | undefined> {
  try {
    return await findGroup(at, name, 'append');
  } catch (error) {
    if (error instanceof GroupNotFoundError) return undefined;
    throw error;
  }
}

function saidOf({ fence, position, release, slot }: MemberBeat['slots'][number], place: number): object {
  return {
    place,
    slot,
    fence,
    position: position.position,
    epoch: position.epoch,
    release: release ?? false,
  };
}

/** Each with the epoch of its slot's position: that of the log from which the member has its events. */
function newsOf({ news, slots }: MemberBeat, place: number): readonly object[] {
  const epochs = new Map(slots.map(({ position, slot }) => [slot, position.epoch]));
  return news.map((one) => ({ ...pieceOf(one), place, epoch: epochs.get(one.slot) }));
}

function pieceOf(news: MemberBeat['news'][number]): object {
  const { fence, kind, slot, stream } = news;
  const what = {
    slot,
    fence,
    kind,
    aggregate_type: stream.aggregateType,
    aggregate_id: stream.aggregateId,
  };
  switch (news.kind) {
    case 'FAILING':
      return { ...what, position: news.position, attempts: news.attempts };
    case 'PARKED':
      return {
        ...what,
        position: news.position,
        version: news.version,
        event_type: news.eventType,
        event_id: news.eventId,
        attempts: news.attempts,
        reason: news.reason,
      };
    case 'REPLAYED':
      return { ...what, position: news.position };
    case 'CLEAR':
      return what;
  }
}

/** JSON's numbers have no limit, but JavaScript's do. */
function asJson(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => (typeof field === 'bigint' ? String(field) : field));
}

function heldSlots(text: string | null | undefined): readonly HeldSlot[] {
  if (!text) return [];
  return text.split(',').map((one) => {
    const [slot, fence = '0', position, epoch, wanted] = one.split(' ');
    return {
      slot: Number(slot),
      fence: BigInt(fence),
      position: storedPosition(position, epoch === '-' ? undefined : epoch),
      wanted: wanted === '1',
    };
  });
}

function streamMarks(json: string | null | undefined): readonly StreamMark[] {
  if (!json) return [];
  const rows = JSON.parse(json) as [StreamMark['kind'], number, string, string, string, number][];
  return rows.map(([kind, slot, aggregateType, aggregateId, position, attempts]) => ({
    kind,
    slot,
    stream: { aggregateType, aggregateId },
    position: BigInt(position),
    attempts,
  }));
}
