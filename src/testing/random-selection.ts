import type { Event, NewEvent } from '../core/event.js';
import type {
  ComparisonOperator,
  Filter,
  MetadataComparison,
  Range,
  Scope,
  StreamPattern,
  ValueKind,
} from '../core/filter.js';
import type { StreamId } from '../core/stream.js';
import { newEvent, thing } from './builders.js';

const AGGREGATE_TYPES = ['Thing', 'Other', 'Third'];
const EVENT_TYPES = ['Opened', 'Changed', 'Closed', '$stream-deleted'];
const TAGS = ['kind:a', 'kind:b', 'owner:ada', 'owner:bob'];
const KEYS = ['n', 's', 'b', '__proto__', 'constructor', 'a.b'];
const SMALL = ['1', '1.0', '1e0', '100', '1e2', '-0', '0', '0.000', '-1.5', '99.99', '1e-7', '01', '+1'];
const LARGE = ['9007199254740992', '9007199254740993', '123456789012345678901234567890', '1e999999999'];
const TEXTS = ['', 'true', 'false', 'TRUE', 'a', 'ab', 'abc', 'AB', 'é', 'a%', '\\', "'", 'a\nb'];
/** Texts that are alike as one kind and not as another, and whose order by bytes is not that of UTF-16. */
const VALUES = [...SMALL, ...LARGE, ...TEXTS, '\ue000', '\uffff', '😀'];
const PATTERNS = [
  '^a',
  'b$',
  '1.*0',
  '.',
  '',
  '^$',
  '(?i)^AB',
  '^[0-9]+$',
  '[^a-z]',
  '😀',
  '\\\\',
  'b|e',
  '(?s)a.b',
];
const OF_BOOLEANS: readonly ComparisonOperator[] = ['EQUAL', 'NOT_EQUAL', 'IN', 'NOT_IN'];
const ORDERS: readonly ComparisonOperator[] = ['GREATER', 'GREATER_OR_EQUAL', 'LESS', 'LESS_OR_EQUAL'];
const OPERATORS: readonly ComparisonOperator[] = [...OF_BOOLEANS, ...ORDERS, 'MATCHES'];

/** Scopes, filters and events by chance, over few values, so that they often meet. The same in every run. */
export class RandomSelection {
  /** Of each aggregate type six. */
  readonly streams: readonly StreamId[] = AGGREGATE_TYPES.flatMap((type) =>
    Array.from({ length: 6 }, (_, id) => thing(String(id), type)),
  );

  readonly #random: () => number;

  /** @param random gives numbers from 0 inclusive to 1 exclusive */
  constructor(random: () => number) {
    this.#random = random;
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }

  event(): NewEvent {
    const metadata = KEYS.filter(() => this.chance(0.6)).map((key) => [key, this.pick(VALUES)] as const);
    return newEvent({
      eventType: this.pick(EVENT_TYPES.slice(0, 3)),
      tags: this.#some(TAGS, 0.3),
      metadata: Object.fromEntries(metadata),
    });
  }

  scope(): Scope {
    const kind = this.#random();
    if (kind < 0.3) return { kind: 'LOG' };
    if (kind < 0.55) return { kind: 'STREAM', stream: this.pick(this.streams) };
    if (kind < 0.75) return { kind: 'STREAMS', streams: [...this.#some(this.streams, 0.2), thing('never')] };
    return {
      kind: 'AGGREGATE_TYPES',
      aggregateTypes: [this.pick(AGGREGATE_TYPES), ...this.#some(['None'], 0.3)],
    };
  }

  /** Up to three filters, most of which match some event of the log, however many of their fields are set. */
  filters(log: readonly Event[]): Filter[] {
    return Array.from({ length: Math.floor(this.#random() * 4) }, () => this.#filter(this.pick(log), log));
  }

  #filter(aim: Event, log: readonly Event[]): Filter {
    const comparisons = Array.from({ length: Math.floor(this.#random() * 3) }, () => this.#comparison(aim));
    return {
      ...(this.chance(0.4)
        ? { eventTypes: [...this.#some(EVENT_TYPES, 0.3), ...this.#some([aim.eventType], 0.9)] }
        : {}),
      ...(this.chance(0.4)
        ? { tags: this.chance(0.8) ? this.#some(aim.tags, 0.6) : this.#some(TAGS, 0.3) }
        : {}),
      ...(this.chance(0.3) ? { versions: this.#around(aim.version, this.pick(log).version) } : {}),
      ...(this.chance(0.3) ? { positions: this.#around(aim.position, this.pick(log).position) } : {}),
      ...(this.chance(0.3) ? { recorded: this.#around(aim.recordedAt, this.pick(log).recordedAt) } : {}),
      ...(this.chance(0.6) ? { metadata: comparisons } : {}),
      ...(this.chance(0.2) ? { streams: [this.#pattern(aim.stream), ...this.#some(NOWHERE, 0.3)] } : {}),
    };
  }

  #pattern({ aggregateType, aggregateId }: StreamId): StreamPattern {
    return {
      ...(this.chance(0.7) ? { aggregateType } : {}),
      ...(this.chance(0.4)
        ? { aggregateId }
        : this.chance(0.5)
          ? { aggregateIdPrefix: this.pick([aggregateId, aggregateId.slice(0, 1), '9']) }
          : {}),
    };
  }

  #comparison({ metadata }: Event): MetadataComparison {
    const key = this.pick([...KEYS, 'missing']);
    const kind = this.pick<ValueKind>(['STRING', 'NUMBER', 'BOOLEAN']);
    const operator = this.pick(kind === 'BOOLEAN' ? OF_BOOLEANS : OPERATORS);
    if (operator === 'MATCHES') return { key, operator, values: [this.pick(PATTERNS)] };
    const own = Object.hasOwn(metadata, key) && this.chance(0.5) ? [metadata[key] ?? ''] : [];
    const fitting = [...own, this.pick(VALUES), this.pick(VALUES), this.pick(VALUES)].filter(FITS[kind]);
    const values = fitting.length > 0 ? fitting : [kind === 'NUMBER' ? '1.00' : 'true'];
    const many = operator === 'IN' || operator === 'NOT_IN';
    return {
      key,
      operator,
      ...(kind === 'STRING' ? {} : { kind }),
      values: many ? values : values.slice(0, 1),
    };
  }

  /** From one to the other, mostly with the first of them in it, and sometimes open at an end. */
  #around(one: bigint, other: bigint): Range<bigint> {
    const [first, last] = one <= other ? [one, other] : [other, one];
    return { ...(this.chance(0.7) ? { first } : {}), ...(this.chance(0.7) ? { last } : {}) };
  }

  #some<T>(values: readonly T[], probability: number): T[] {
    return values.filter(() => this.chance(probability));
  }
}

/** Patterns that no event matches. */
const NOWHERE: readonly StreamPattern[] = [{ aggregateType: 'None' }, { aggregateId: 'none' }];

const FITS: Readonly<Record<ValueKind, (text: string) => boolean>> = {
  STRING: () => true,
  NUMBER: (text) => /^-?(0|[1-9]\d*)(\.\d+)?(e-?\d+)?$/.test(text),
  BOOLEAN: (text) => text === 'true' || text === 'false',
};
