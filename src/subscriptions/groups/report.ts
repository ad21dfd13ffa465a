import type { LogPosition } from '../../core/subscribe.js';
import type { MemberBeat, StreamNews } from './group-storage.js';
import type { MemberSlot } from './member-slot.js';

/** What one member says in one beat. */
export interface Report {
  readonly beat: MemberBeat;
  /** Slots with more news than there was room for: they are not in it at all. */
  readonly leftOut: ReadonlySet<MemberSlot>;
  /** To be called when it was answered, for the slots that the member still has. */
  kept(slots: ReadonlyMap<number, MemberSlot>): void;
}

/**
 * Gathers what is to be kept of the slots: where they stand, what is known about their streams, and whether they are free.
 * The news of a slot go together with its position, since that may pass them.
 *
 * @param options.all also positions that nobody waits for; @param options.most pieces of news
 */
export function report(
  member: Pick<MemberBeat, 'group' | 'memberId' | 'revision'>,
  all: Iterable<MemberSlot>,
  options: { readonly all: boolean; readonly most: number },
): Report {
  const said: { slot: MemberSlot; position: LogPosition; told: Map<string, readonly StreamNews[]> }[] = [];
  const leftOut = new Set<MemberSlot>();
  const known: { slot: number; fence: bigint }[] = [];
  let room = options.most;
  for (const slot of all) {
    known.push({ slot: slot.slot, fence: slot.fence });
    const { news, position } = { news: new Map(slot.news), position: slot.position };
    let pieces = 0;
    for (const some of news.values()) pieces += some.length;
    const isFree = slot.state === 'RELEASED';
    const hasMoved = position.position > slot.persisted;
    if (!isFree && pieces === 0 && !(hasMoved && (options.all || slot.unconfirmed > 0))) continue;
    if (pieces > room) leftOut.add(slot);
    else {
      room -= pieces;
      said.push({ slot, position, told: news });
    }
  }
  return {
    beat: {
      ...member,
      known,
      slots: said.map(({ position, slot }) => ({
        slot: slot.slot,
        fence: slot.fence,
        position,
        ...(slot.state === 'RELEASED' ? { release: true } : {}),
      })),
      news: said.flatMap(({ slot, told }) =>
        [...told.values()].flat().map((news) => ({ ...news, fence: slot.fence })),
      ),
    },
    leftOut,
    kept(slots) {
      for (const { position, slot, told } of said) {
        if (slots.get(slot.slot) !== slot) continue;
        if (slot.persisted < position.position) slot.persisted = position.position;
        for (const [key, news] of told) if (slot.news.get(key) === news) slot.news.delete(key);
      }
    },
  };
}
