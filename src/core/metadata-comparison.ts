import { RE2JS } from 're2js';
import { compareDecimals, parseDecimal } from './decimal.js';
import type { MetadataComparison, ValueKind } from './filter.js';
import type { Metadata } from './metadata.js';
import { compareUtf8 } from './utf8-order.js';

/**
 * A comparison as a question to the metadata of an event, to be made once and asked of many. The comparison is validated
 * already.
 *
 * A key that is missing, or whose text is not of the kind that is asked for, is like no value: it matches only
 * `NOT_EQUAL` and `NOT_IN`.
 */
export function metadataComparison(comparison: MetadataComparison): (metadata: Metadata) => boolean {
  const { key } = comparison;
  const holds = valueComparison(comparison);
  // Keys are anybody's words, so `__proto__` and `constructor` are looked for among the own ones only.
  return (metadata) => holds(Object.hasOwn(metadata, key) ? metadata[key] : undefined);
}

function valueComparison(comparison: MetadataComparison): (text: string | undefined) => boolean {
  const { operator, kind = 'STRING', values } = comparison;
  if (operator === 'MATCHES') {
    const pattern = compilePattern(values[0] ?? '');
    return (text) => text !== undefined && pattern(text);
  }
  const compare = comparer(kind, values);
  const compared = (holds: (orders: readonly number[]) => boolean, otherwise: boolean) => {
    return (text: string | undefined) => {
      const orders = text === undefined ? undefined : compare(text);
      return orders === undefined ? otherwise : holds(orders);
    };
  };
  const first = (holds: (order: number) => boolean) =>
    compared(([order = Number.NaN]) => holds(order), false);
  switch (operator) {
    case 'EQUAL':
    case 'IN':
      return compared((orders) => orders.includes(0), false);
    case 'NOT_EQUAL':
    case 'NOT_IN':
      return compared((orders) => !orders.includes(0), true);
    case 'GREATER':
      return first((order) => order > 0);
    case 'GREATER_OR_EQUAL':
      return first((order) => order >= 0);
    case 'LESS':
      return first((order) => order < 0);
    case 'LESS_OR_EQUAL':
      return first((order) => order <= 0);
  }
}

/** How a text stands to each of the values: below 0, 0 or above; `undefined` if it is not of the kind. */
function comparer(
  kind: ValueKind,
  values: readonly string[],
): (text: string) => readonly number[] | undefined {
  switch (kind) {
    case 'STRING':
      return (text) => values.map((value) => compareUtf8(text, value));
    case 'NUMBER': {
      const numbers = values.flatMap((value) => parseDecimal(value) ?? []);
      return (text) => {
        const number = parseDecimal(text);
        return number && numbers.map((value) => compareDecimals(number, value));
      };
    }
    case 'BOOLEAN':
      return (text) => (isBoolean(text) ? values.map((value) => (value === text ? 0 : 1)) : undefined);
  }
}

/** Whether the text is of the kind: any is a string, JSON says what a number is, booleans are `true` and `false`. */
export function isOfKind(kind: ValueKind, text: string): boolean {
  switch (kind) {
    case 'STRING':
      return true;
    case 'NUMBER':
      return parseDecimal(text) !== undefined;
    case 'BOOLEAN':
      return isBoolean(text);
  }
}

function isBoolean(text: string): boolean {
  return text === 'true' || text === 'false';
}

/** What is wrong with a regular expression in the words of RE2, or `undefined`. */
export function patternProblem(pattern: string): string | undefined {
  try {
    compilePattern(pattern);
    return undefined;
  } catch (error) {
    // What else could go wrong in compiling is the pattern's fault as well: it is all that goes in.
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Whether the pattern is found in a text. By RE2's rules, in time linear in the text: never by V8's or the database's
 * engine, which a pattern can keep busy for years.
 */
function compilePattern(pattern: string): (text: string) => boolean {
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.test(text);
}
