import type { ComparisonOperator, MetadataComparison, ValueKind } from '../core/filter.js';
import { object } from './event-json.js';
import { UsageError } from './exit-codes.js';

/** How a comparison is written, for the help. */
export const COMPARISON_HELP = `A comparison of --where is a key, an operator and a value:
  region = eu                 region != eu            region in eu,us         region not-in eu,us
  amount:number >= 10         paid:boolean = true     name ~ ^A               (RE2, anywhere unless anchored)
Operators: = != > >= < <= in not-in ~. Kinds: :string (the default, by bytes), :number, :boolean. What has spaces, commas or
other signs, and a value that begins with = ! < > or ~, stands in double quotes, as JSON writes a string:
'"my key" = "a, b"'. A key that is missing, or no value of that kind, matches only != and not-in.`;

const OPERATORS: ReadonlyMap<unknown, ComparisonOperator> = new Map([
  ['=', 'EQUAL'],
  ['!=', 'NOT_EQUAL'],
  ['>', 'GREATER'],
  ['>=', 'GREATER_OR_EQUAL'],
  ['<', 'LESS'],
  ['<=', 'LESS_OR_EQUAL'],
  ['in', 'IN'],
  ['not-in', 'NOT_IN'],
  ['~', 'MATCHES'],
]);
const SIGNS = [...OPERATORS.keys()].join(' ');
const KINDS: ReadonlyMap<unknown, ValueKind> = new Map([
  ['string', 'STRING'],
  ['number', 'NUMBER'],
  ['boolean', 'BOOLEAN'],
]);
const QUOTED = String.raw`"(?:[^"\\]|\\.)*"`;
const EXPRESSION = new RegExp(
  String.raw`^\s*(${QUOTED}|[^\s"=!<>~:]+)(?::([^\s"=!<>~:]*))?(?:\s*(!=|>=|<=|=|>|<|~)|\s+(in|not-in)(?=\s|$))([^]*)$`,
);
const LIST_ITEM = new RegExp(String.raw`\s*(${QUOTED}|[^,"]*?)\s*(,|$)`, 'y');
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** `amount:number >= 10` as a comparison; see {@link COMPARISON_HELP}. Throws `UsageError`. */
export function comparisonFrom(text: string): MetadataComparison {
  const [whole, key, kind, sign, word, rest = ''] = EXPRESSION.exec(text) ?? [];
  if (whole === undefined || key === undefined)
    throw refused(
      text,
      `is no comparison: write a key, an operator (${SIGNS}) and a value, as 'region = eu' or ` +
        `'amount:number >= 10'; a key with spaces or signs stands in double quotes`,
    );
  const operator = OPERATORS.get(sign ?? word) ?? 'EQUAL';
  const values = word === undefined ? [oneValue(rest, text)] : listOf(rest, text);
  return checked({ key: unquoted(key, text), operator, kind: kindOf(kind, text), values }, text);
}

/** As {@link comparisonFrom}, or an object `{ key, operator, kind, value | values }`. Throws `UsageError`. */
export function comparisonFromJson(value: unknown): MetadataComparison {
  if (typeof value === 'string') return comparisonFrom(value);
  const text = JSON.stringify(value);
  const fields = object(value, 'an entry of metadata of --filter');
  for (const name of Object.keys(fields))
    if (!['key', 'operator', 'kind', 'value', 'values'].includes(name))
      throw refused(text, `has ${JSON.stringify(name)}; it may have key, operator, kind, value or values`);
  const { key } = fields;
  if (typeof key !== 'string') throw refused(text, 'has no key');
  const sign = fields['operator'] ?? '=';
  const operator = OPERATORS.get(sign);
  if (operator === undefined)
    throw refused(text, `has the operator ${JSON.stringify(sign)}; it may be ${SIGNS}`);
  if ((fields['value'] === undefined) === (fields['values'] === undefined))
    throw refused(text, 'must have either value or values');
  const given = fields['values'] ?? [fields['value']];
  if (!Array.isArray(given)) throw refused(text, 'has values that are no list');
  return checked(
    { key, operator, kind: kindOf(fields['kind'], text), values: given.map((one) => scalar(one, text)) },
    text,
  );
}

function scalar(value: unknown, text: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  // What JavaScript has rounded already must not be compared with.
  if (typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return String(value);
  throw refused(text, `has ${JSON.stringify(value)} where a text belongs; write large numbers as text`);
}

function kindOf(name: unknown, text: string): ValueKind {
  const kind = KINDS.get(name ?? 'string');
  if (kind === undefined)
    throw refused(
      text,
      `has the kind ${JSON.stringify(name)}: write :string, :number or :boolean, and a key that has ":" in double quotes`,
    );
  return kind;
}

function oneValue(rest: string, text: string): string {
  const value = rest.trim();
  if (value === '') throw refused(text, 'has no value: write "" for the empty text');
  return plainOrQuoted(value, text);
}

function listOf(rest: string, text: string): readonly string[] {
  const values: string[] = [];
  const list = rest.trim();
  LIST_ITEM.lastIndex = 0;
  for (;;) {
    const [, item, end] = LIST_ITEM.exec(list) ?? [];
    if (item === undefined || item === '')
      throw refused(text, `has an empty or broken value: write 'region in eu,us', and "" for the empty text`);
    values.push(plainOrQuoted(item, text));
    if (end === '') return values;
  }
}

/** `=>` must not be taken for `=` and a value that begins with `>`. */
function plainOrQuoted(value: string, text: string): string {
  if (/^[=!<>~]/.test(value))
    throw refused(
      text,
      `has ${JSON.stringify(value)} behind its operator, which begins with another (they are ${SIGNS}); a value that ` +
        'begins so stands in double quotes',
    );
  return unquoted(value, text);
}

function unquoted(value: string, text: string): string {
  if (!value.startsWith('"')) return value;
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === 'string') return parsed;
  } catch (error) {
    throw refused(text, `has ${value}, which begins with a quote and is no JSON string`, error);
  }
  return value;
}

function checked(
  { key, operator, kind, values }: Required<MetadataComparison>,
  text: string,
): MetadataComparison {
  if (values.length !== 1 && operator !== 'IN' && operator !== 'NOT_IN')
    throw refused(text, `has ${values.length} values; only in and not-in take several`);
  if (operator === 'MATCHES' && kind !== 'STRING')
    throw refused(text, 'matches a pattern, which only strings can');
  if (kind === 'BOOLEAN' && !['EQUAL', 'NOT_EQUAL', 'IN', 'NOT_IN'].includes(operator))
    throw refused(text, 'asks which boolean is greater: booleans take only = != in not-in');
  for (const value of values) {
    if (kind === 'NUMBER' && !NUMBER.test(value))
      throw refused(text, `has ${JSON.stringify(value)}, which is no number as JSON writes it`);
    if (kind === 'BOOLEAN' && value !== 'true' && value !== 'false')
      throw refused(text, `has ${JSON.stringify(value)}, which is neither true nor false`);
  }
  return { key, operator, ...(kind === 'STRING' ? {} : { kind }), values };
}

function refused(text: string, problem: string, cause?: unknown): UsageError {
  return new UsageError(`The comparison ${JSON.stringify(text)} ${problem}`, { cause });
}
