import { type FieldViolation, InvalidRequestError } from './errors.js';
import { NAME_BYTES } from './limits.js';

const VIOLATIONS_KEPT = 10;

/** Gathers what is wrong with a request; the first ten violations are kept, all are counted. */
export class Violations {
  readonly #kept: FieldViolation[] = [];
  #count = 0;

  add(field: string, description: string): void {
    this.#count += 1;
    if (this.#kept.length < VIOLATIONS_KEPT) this.#kept.push({ field, description });
  }

  /** Whether nothing was found so far. */
  get none(): boolean {
    return this.#count === 0;
  }

  /** Throws `InvalidRequestError` if anything was found. */
  throwIfAny(): void {
    if (this.#count > 0) throw new InvalidRequestError(this.#kept, this.#count);
  }
}

const CONTROL = /\p{Cc}/u;
// Printable ASCII without a space needs no further look, and is what names nearly always are.
const PLAIN = /^[!-~]{1,255}$/;

/** What is wrong with a name, or `undefined`: 1 to 255 bytes of UTF-8 without control characters. */
export function nameProblem(value: string): string | undefined {
  if (typeof value !== 'string') return notText(value);
  if (PLAIN.test(value)) return undefined;
  if (value === '') return 'must not be empty';
  const bytes = utf8Bytes(value);
  if (bytes > NAME_BYTES) return `is ${bytes} bytes long, the limit is ${NAME_BYTES}`;
  const control = CONTROL.exec(value);
  if (control) return `holds the control character ${codePoint(control[0])}`;
  return textProblem(value);
}

/** As {@link nameProblem}, for aggregate types and event types, where a `$` in front is reserved. */
export function typeNameProblem(value: string): string | undefined {
  if (typeof value !== 'string') return notText(value);
  return value.startsWith('$')
    ? `is ${JSON.stringify(value)}: names with $ in front are reserved`
    : nameProblem(value);
}

/** What is wrong with a text, or `undefined`: no NUL (Postgres refuses it) and no lone surrogate (it has no UTF-8). */
export function textProblem(value: string): string | undefined {
  if (typeof value !== 'string') return notText(value);
  if (value.includes('\u0000')) return 'holds the character U+0000, which cannot be stored';
  if (!value.isWellFormed()) return 'holds a lone surrogate, which has no UTF-8';
  return undefined;
}

/** Plain JavaScript hands in what the types forbid. */
export function notText(value: unknown): string {
  return value === undefined ? 'is missing' : `is ${kindOf(value)}, it must be text`;
}

/** For a message: what it is, and of what is short also which. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'number':
    case 'boolean':
      return `the ${typeof value} ${String(value)}`;
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
    case 'undefined':
      return 'missing';
    default:
      return `of the type ${typeof value}`;
  }
}

export function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** Bytes of the string in UTF-8, by the cheapest way. */
export function utf8Bytes(value: string): number {
  // No character takes more than three bytes per UTF-16 unit, and most strings are plain.
  let bytes = value.length;
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index);
    if (unit > 0x7ff) bytes += unit >= 0xd800 && unit <= 0xdfff ? 1 : 2;
    else if (unit > 0x7f) bytes += 1;
  }
  return bytes;
}

function codePoint(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
