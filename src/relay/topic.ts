import { createHash } from 'node:crypto';
import type { EventMatcher, MatchedEvent } from '../core/event-matcher.js';

/** AMQP's limit for a routing key is 255 bytes; prefix, two names and two dots fit exactly. */
const PREFIX_BYTES = 63;
const NAME_BYTES = 95;
const HASH_DIGITS = 32;
const PLAIN = /^[A-Za-z0-9_$-]{1,95}$/;
/** Of one handler or worker; more names than this are asked for by a wildcard, and left out here. */
const PATTERNS = 200;

export const DEFAULT_PREFIX = 'headwater';

/** Why it cannot stand in front of topics, or `undefined`. */
export function prefixProblem(prefix: string): string | undefined {
  if (prefix.length > PREFIX_BYTES) return `is longer than ${PREFIX_BYTES} characters`;
  return /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(prefix)
    ? undefined
    : 'may have letters, digits, _ and -, in words between dots';
}

/** Throws `RangeError`. */
export function checkedPrefix(prefix: string): string {
  const problem = prefixProblem(prefix);
  if (problem !== undefined) throw new RangeError(`Prefix ${JSON.stringify(prefix)} ${problem}`);
  return prefix;
}

/** `<prefix>.<AggregateType>.<EventType>`: the routing key in RabbitMQ, the subject in NATS. */
export function topicOf(prefix: string, { stream, eventType }: MatchedEvent): string {
  return `${prefix}.${topicName(stream.aggregateType)}.${topicName(eventType)}`;
}

/**
 * A name as one word of a topic: every byte but letters, digits, `_`, `-` and `$` as `%` and two hexadecimal digits, since
 * dots, spaces, `*`, `#` and `>` have a meaning there. What is longer than 95 bytes then is its first 62, `~`, and 32 digits
 * of the SHA-256 of the name.
 */
export function topicName(name: string): string {
  // Nearly all names, and once an event: the loop below costs a hundred times as much.
  if (PLAIN.test(name)) return name;
  const escaped = [...Buffer.from(name)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_$-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
  if (escaped.length <= NAME_BYTES) return escaped;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_DIGITS);
  return `${escaped.slice(0, NAME_BYTES - HASH_DIGITS - 1)}~${hash}`;
}

/** Topics with `*` for any name, which together cover what one of the matchers matches, and sometimes more. */
export function topicPatterns(prefix: string, matchers: readonly EventMatcher[]): readonly string[] {
  const any = `${prefix}.*.*`;
  if (matchers.length === 0) return [any];
  const patterns = new Set(
    matchers.flatMap(({ aggregateTypes, eventTypes }) => {
      const many = (aggregateTypes?.size ?? 1) * (eventTypes?.size ?? 1) > PATTERNS;
      const first = aggregateTypes === undefined ? ['*'] : [...aggregateTypes].map(topicName);
      const second = eventTypes === undefined || many ? ['*'] : [...eventTypes].map(topicName);
      return first.flatMap((one) => second.map((two) => `${prefix}.${one}.${two}`));
    }),
  );
  return patterns.size > PATTERNS || patterns.has(any) ? [any] : [...patterns];
}

/** One topic that covers them all, for a broker that takes only one. */
export function coveringPattern(prefix: string, matchers: readonly EventMatcher[]): string {
  const words = topicPatterns(prefix, matchers).map((pattern) => pattern.slice(prefix.length + 1).split('.'));
  const common = (index: number) => {
    const all = new Set(words.map((two) => two[index]));
    return all.size === 1 ? [...all][0] : '*';
  };
  return `${prefix}.${common(0)}.${common(1)}`;
}
