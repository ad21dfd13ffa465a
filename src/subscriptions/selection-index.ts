import type { Filter, Scope, StreamPattern } from '../core/filter.js';
import type { Selection } from '../core/log.js';
import type { Seen } from '../core/look.js';
import { type Matcher, matcher } from '../core/matcher.js';
import type { StreamId } from '../core/stream.js';

/** By what an event is looked up, the narrowest first. */
const KINDS = ['ID', 'TAG', 'PREFIX', 'EVENT_TYPE', 'AGGREGATE_TYPE', 'ANY'] as const;
type Kind = (typeof KINDS)[number];

/** What every event has that a selection lets through; or one of several such. */
interface Key {
  readonly kind: Kind;
  readonly value: string;
}

const ANY: readonly Key[] = [{ kind: 'ANY', value: '' }];

interface Entry<Item> {
  readonly item: Item;
  readonly matches: Matcher;
  /** The last event for which it was asked, by its number; one that is found by two keys is asked once. */
  asked: number;
}

type Bucket<Item> = Set<Entry<Item>>;

/** Who is told what an event was found to be for. */
export interface Findings<Item> {
  /** Its selection lets the event through. */
  found(item: Item, event: Seen): void;
  /** Its matcher threw, which is nobody else's matter. */
  failed(item: Item, error: unknown): void;
}

/**
 * Finds those whose selection lets an event through, without asking all: each stands under keys of which every event that
 * it wants has one. A selection says several things, and the narrowest of them becomes its key; whether the rest holds too
 * the matcher decides. What has no key (the whole log, comparisons of metadata alone) is asked for every event.
 */
export class SelectionIndex<Item> {
  readonly #buckets: Readonly<Record<Kind, Map<string, Bucket<Item>>>> = {
    ID: new Map(),
    TAG: new Map(),
    PREFIX: new Map(),
    EVENT_TYPE: new Map(),
    AGGREGATE_TYPE: new Map(),
    ANY: new Map(),
  };
  /** How many stand under prefixes of each length, in UTF-16 units: an event is looked up by each. */
  readonly #prefixLengths = new Map<number, number>();
  #number = 0;

  /** Returns how to take it out again. */
  add({ scope, filters }: Selection, item: Item): () => void {
    const keys = this.#keysOf(scope, filters);
    const entry: Entry<Item> = { item, matches: matcher(scope, filters), asked: 0 };
    for (const key of keys) this.#put(key, entry);
    return () => {
      for (const key of keys) this.#take(key, entry);
    };
  }

  /** Tells of each whose selection lets the event through, once, in any order. */
  find(event: Seen, findings: Findings<Item>): void {
    this.#number += 1;
    const { stream } = event;
    const { aggregateId, aggregateType } = stream;
    const { ID, TAG, PREFIX, EVENT_TYPE, AGGREGATE_TYPE, ANY: every } = this.#buckets;
    if (ID.size > 0) this.#ask(ID.get(aggregateId), event, findings);
    if (TAG.size > 0) for (const tag of event.tags) this.#ask(TAG.get(tag), event, findings);
    if (PREFIX.size > 0)
      for (const length of this.#prefixLengths.keys())
        if (length <= aggregateId.length)
          this.#ask(PREFIX.get(aggregateId.slice(0, length)), event, findings);
    if (EVENT_TYPE.size > 0) this.#ask(EVENT_TYPE.get(event.eventType), event, findings);
    if (AGGREGATE_TYPE.size > 0) this.#ask(AGGREGATE_TYPE.get(aggregateType), event, findings);
    this.#ask(every.get(''), event, findings);
  }

  #ask(bucket: Bucket<Item> | undefined, event: Seen, findings: Findings<Item>): void {
    if (bucket === undefined) return;
    for (const entry of bucket) {
      if (entry.asked === this.#number) continue;
      entry.asked = this.#number;
      try {
        if (entry.matches(event)) findings.found(entry.item, event);
      } catch (error) {
        findings.failed(entry.item, error);
      }
    }
  }

  #put({ kind, value }: Key, entry: Entry<Item>): void {
    const buckets = this.#buckets[kind];
    const bucket = buckets.get(value);
    if (bucket !== undefined) {
      bucket.add(entry);
      return;
    }
    buckets.set(value, new Set([entry]));
    if (kind === 'PREFIX')
      this.#prefixLengths.set(value.length, (this.#prefixLengths.get(value.length) ?? 0) + 1);
  }

  #take({ kind, value }: Key, entry: Entry<Item>): void {
    const buckets = this.#buckets[kind];
    const bucket = buckets.get(value);
    if (bucket === undefined) return;
    bucket.delete(entry);
    if (bucket.size > 0) return;
    buckets.delete(value);
    if (kind !== 'PREFIX') return;
    const left = (this.#prefixLengths.get(value.length) ?? 0) - 1;
    if (left > 0) this.#prefixLengths.set(value.length, left);
    else this.#prefixLengths.delete(value.length);
  }

  #keysOf(scope: Scope, filters: readonly Filter[]): readonly Key[] {
    const ofScope = keysOfScope(scope);
    const ofFilters = filters.length === 0 ? ANY : filters.flatMap((filter) => this.#keysOfFilter(filter));
    return narrowest([ofScope, ofFilters]);
  }

  #keysOfFilter({ eventTypes, only, streams, tags }: Filter): readonly Key[] {
    return narrowest([
      streams?.length ? streams.map(keyOfPattern) : ANY,
      only === undefined ? ANY : only.map(keyOfPattern),
      tags?.length ? [this.#rarestTag(tags)] : ANY,
      eventTypes?.length ? eventTypes.map((value) => ({ kind: 'EVENT_TYPE', value })) : ANY,
    ]);
  }

  /** An event has all the tags of a filter, so that any of them will do: the one that fewest stand under. */
  #rarestTag(tags: readonly string[]): Key {
    let rarest: { readonly value: string; readonly size: number } | undefined;
    for (const value of tags) {
      const size = this.#buckets.TAG.get(value)?.size ?? 0;
      if (rarest === undefined || size < rarest.size) rarest = { value, size };
    }
    return { kind: 'TAG', value: rarest?.value ?? '' };
  }
}

function keysOfScope(scope: Scope): readonly Key[] {
  switch (scope.kind) {
    case 'LOG':
      return ANY;
    case 'STREAM':
      return [keyOfStream(scope.stream)];
    case 'STREAMS':
      return scope.streams.map(keyOfStream);
    case 'AGGREGATE_TYPES':
      return scope.aggregateTypes.map((value) => ({ kind: 'AGGREGATE_TYPE', value }));
  }
}

/** The id alone, which few streams share: to put a key together for each event costs more than to ask those. */
function keyOfStream({ aggregateId }: StreamId): Key {
  return { kind: 'ID', value: aggregateId };
}

function keyOfPattern({ aggregateId, aggregateIdPrefix, aggregateType }: StreamPattern): Key {
  if (aggregateId !== undefined) return { kind: 'ID', value: aggregateId };
  if (aggregateIdPrefix) return { kind: 'PREFIX', value: aggregateIdPrefix };
  return aggregateType === undefined
    ? { kind: 'ANY', value: '' }
    : { kind: 'AGGREGATE_TYPE', value: aggregateType };
}

/** Of several ways to say what an event must have, the one whose widest key is the narrowest. */
function narrowest(ways: readonly (readonly Key[])[]): readonly Key[] {
  return ways.reduce((best, keys) => (widest(keys) < widest(best) ? keys : best));
}

function widest(keys: readonly Key[]): number {
  return keys.reduce((most, { kind }) => Math.max(most, KINDS.indexOf(kind)), -1);
}
