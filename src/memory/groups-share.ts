import { compareUtf8 } from '../core/utf8-order.js';
import type { GroupRecord, SlotRecord } from './groups-records.js';

/**
 * Takes slots away from who is gone and from who keeps them although they are wanted, and shares them out evenly. Tells
 * whether anything changed.
 */
export function shareOut(group: GroupRecord, now: number, releaseMs: number): boolean {
  for (const [id, { leasedUntil }] of group.members) if (leasedUntil <= now) group.members.delete(id);
  let changed = false;
  for (const slot of group.slots) {
    const gone = slot.member !== undefined && !group.members.has(slot.member);
    if (!gone && !(slot.wantedSince !== undefined && slot.wantedSince + releaseMs <= now)) continue;
    free(slot);
    changed = true;
  }
  const shares = fairShares(group);
  for (const { held, quota } of shares) {
    const surplus = held.filter(({ wantedSince }) => wantedSince === undefined).length - quota;
    for (let count = surplus; count !== 0; count -= Math.sign(surplus)) {
      const which = held.findLast(({ wantedSince }) => (wantedSince === undefined) === surplus > 0);
      // It has less than its share, and nothing to keep: it waits for what others release.
      if (which === undefined) break;
      which.wantedSince = surplus > 0 ? now : undefined;
      changed = true;
    }
  }
  for (const slot of group.slots) {
    if (slot.member !== undefined) continue;
    const [fewest] = shares
      .filter(({ held, quota }) => held.length < quota)
      .sort((one, other) => one.held.length - other.held.length);
    if (fewest === undefined) break;
    slot.member = fewest.memberId;
    slot.fence += 1n;
    fewest.held.push(slot);
    changed = true;
  }
  return changed;
}

/** Nobody has it. Its fence is raised when somebody gets it. */
export function free(slot: SlotRecord): void {
  slot.member = undefined;
  slot.wantedSince = undefined;
}

interface Share {
  readonly memberId: string;
  readonly held: SlotRecord[];
  readonly quota: number;
}

/** What remains after even division goes to those who have most already, so that nothing moves that need not. */
function fairShares({ members, slots }: GroupRecord): readonly Share[] {
  const all = [...members.values()].map((member) => {
    const held = slots.filter((slot) => slot.member === member.memberId);
    return { ...member, held, kept: held.filter(({ wantedSince }) => wantedSince === undefined).length };
  });
  all.sort(
    (one, other) =>
      other.kept - one.kept ||
      Number(one.joinedAt - other.joinedAt) ||
      compareUtf8(one.memberId, other.memberId),
  );
  const least = Math.floor(slots.length / all.length);
  const remainder = slots.length % all.length;
  return all.map(({ memberId, held }, index) => ({
    memberId,
    held,
    quota: index < remainder ? least + 1 : least,
  }));
}
