import type { Microseconds } from '../core/event.js';
import { streamKey } from '../core/stream.js';
import type { StreamMark, StreamNews } from '../subscriptions/groups/group-storage.js';
import type { AckRecord, GroupRecord, MarkRecord, SlotRecord } from './groups-records.js';

/** Keeps a piece of news. False if it is a stream to be parked and so many are that no more may be. */
export function keepNews(
  group: GroupRecord,
  news: StreamNews,
  now: Microseconds,
  maxParked: number,
): boolean {
  const { slot } = news;
  const stream = { ...news.stream };
  const key = streamKey(stream);
  const former = group.marks.get(key);
  switch (news.kind) {
    case 'FAILING': {
      const { position, attempts } = news;
      group.marks.set(key, { kind: 'FAILING', ...former, slot, stream, position, attempts });
      return true;
    }
    case 'PARKED': {
      const { attempts, eventId, eventType, position, reason, version } = news;
      const parked = { version, eventType, eventId, reason, parkedAt: now };
      if (former?.parked === undefined && parkedMarks(group).length >= maxParked) {
        group.marks.set(key, { kind: 'FAILING', slot, stream, position, attempts });
        return false;
      }
      group.marks.set(key, { kind: 'PARKED', slot, stream, position, attempts, parked });
      return true;
    }
    case 'REPLAYED':
      if (former?.kind === 'REPLAYING' && former.position < news.position)
        group.marks.set(key, { ...former, position: news.position, attempts: 0 });
      return true;
    case 'CLEAR':
      if (former?.kind !== 'PARKED') group.marks.delete(key);
      return true;
  }
}

/** Forgets what the slot's position says as well. */
export function forgetPassed(group: GroupRecord, slot: number): void {
  const position = group.slots[slot]?.position.position ?? 0n;
  for (const [key, mark] of group.marks)
    if (mark.slot === slot && mark.kind === 'FAILING' && mark.position <= position) group.marks.delete(key);
  for (const [key, ack] of group.acks)
    if (ack.slot === slot && ack.position <= position && group.marks.get(key)?.parked === undefined)
      group.acks.delete(key);
}

/** Keeps how far a stream is done. False if that was known. */
export function keepAck(group: GroupRecord, slot: SlotRecord, ack: AckRecord): boolean {
  const key = streamKey(ack.stream);
  const mark = group.marks.get(key);
  const done = mark?.parked === undefined ? slot.position.position : mark.position - 1n;
  if (ack.position <= done || ack.position <= (group.acks.get(key)?.position ?? 0n)) return false;
  group.acks.set(key, ack);
  return true;
}

/** The streams that are parked or replayed, by position. */
export function parkedMarks(group: GroupRecord): readonly Required<MarkRecord>[] {
  const isParked = (mark: MarkRecord): mark is Required<MarkRecord> => mark.parked !== undefined;
  return [...group.marks.values()].filter(isParked);
}

/** What is known about the streams of a slot: one mark of each, which says how far it is by its acks as well. */
export function marksOf(group: GroupRecord, slot: number): readonly StreamMark[] {
  const marks: StreamMark[] = [];
  for (const [key, mark] of group.marks) {
    if (mark.slot !== slot) continue;
    const acked = group.acks.get(key)?.position ?? 0n;
    const { attempts, kind, position, stream } = mark;
    if (acked < position) marks.push({ kind, slot, stream: { ...stream }, position, attempts });
    else if (kind !== 'FAILING')
      marks.push({ kind, slot, stream: { ...stream }, position: acked + 1n, attempts: 0 });
  }
  for (const [key, { position, slot: its, stream }] of group.acks) {
    const mark = group.marks.get(key);
    const told = mark?.parked !== undefined || (mark !== undefined && mark.position > position);
    const passed = position <= (group.slots[slot]?.position.position ?? 0n);
    if (its !== slot || told || passed) continue;
    marks.push({ kind: 'ACKED', slot, stream: { ...stream }, position, attempts: 0 });
  }
  return marks;
}
