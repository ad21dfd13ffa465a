import type { Microseconds } from '../core/event.js';
import type {
  HeldSlot,
  MemberBeat,
  MemberOrders,
  StreamMark,
} from '../subscriptions/groups/group-storage.js';
import { forgetPassed, keepNews, marksOf } from './groups-news.js';
import type { GroupRecord, SlotRecord } from './groups-records.js';
import { free } from './groups-share.js';

/** REPLAYING marks of a slot that a member knows to have, at a time. */
const REPLAYS = 100;

/** What a beat is told by. */
export interface BeatClock {
  readonly now: Microseconds;
  /** Of the clock that never jumps. */
  readonly monotonic: number;
  readonly leaseMs: number;
  readonly maxParked: number;
}

/** Keeps what a member says. False if it is none any more. */
export function hear(group: GroupRecord, beat: MemberBeat, clock: BeatClock): boolean {
  const { memberId } = beat;
  const member = group.members.get(memberId);
  if (member === undefined || member.leasedUntil <= clock.monotonic) return false;
  member.leasedUntil = clock.monotonic + clock.leaseMs;
  const holds = ({ slot, fence }: { readonly slot: number; readonly fence: bigint }) => {
    const held = group.slots[slot];
    return held?.member === memberId && held.fence === fence ? held : undefined;
  };
  const refused: SlotRecord[] = [];
  for (const news of beat.news) {
    const held = holds(news);
    if (held && !keepNews(group, news, clock.now, clock.maxParked)) refused.push(held);
  }
  // Its position must not pass what could not be parked, so the member is made to begin anew there.
  for (const slot of new Set(refused)) slot.fence += 1n;
  for (const said of beat.slots) {
    const held = holds(said);
    if (held === undefined) continue;
    const { position, epoch } = said.position;
    if (position > held.position.position) {
      held.position = { ...said.position };
      forgetPassed(group, said.slot);
    } else if (position === held.position.position && (epoch ?? 0n) > (held.position.epoch ?? 0n))
      held.position = { ...said.position };
    if (said.release) free(held);
  }
  if (beat.leaving) {
    group.members.delete(memberId);
    for (const slot of group.slots) if (slot.member === memberId) free(slot);
  }
  return true;
}

/** What the member learns, after all have been heard and the slots are shared out. */
export function tell(group: GroupRecord, { known, memberId, revision }: MemberBeat): MemberOrders {
  const held = group.slots.filter(({ member }) => member === memberId);
  const knows = (slot: SlotRecord) => known.some((one) => one.slot === slot.slot && one.fence === slot.fence);
  const replayed = held.filter(knows).flatMap(({ slot }) =>
    marksOf(group, slot)
      .filter(({ kind }) => kind === 'REPLAYING')
      .sort((one, other) => Number(one.position - other.position))
      .slice(0, REPLAYS),
  );
  const others: readonly StreamMark[] = held
    .filter((slot) => !knows(slot))
    .flatMap(({ slot }) => marksOf(group, slot));
  return {
    group: group.stored.name,
    memberId,
    slots: held.map(heldSlot),
    marks: [...others, ...replayed],
    ...(group.stored.revision === revision ? {} : { groupChanged: group.stored }),
  };
}

function heldSlot({ fence, position, slot, wantedSince }: SlotRecord): HeldSlot {
  return { slot, fence, position, wanted: wantedSince !== undefined };
}
