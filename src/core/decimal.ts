/** A number in decimal digits of any count; as a fraction `0.digits` times ten to the power of `exponent`. */
export interface Decimal {
  readonly sign: -1 | 0 | 1;
  /** Without zeros at either end; empty for 0. */
  readonly digits: string;
  readonly exponent: number;
}

// An exponent of more than nine digits is taken for no number, so that exponents can be added up exactly.
const JSON_NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,9}))?$/;
const ZERO = 48;

/** The number that the text is in JSON's way of writing; `undefined` if it is none. Takes linear time. */
export function parseDecimal(text: string): Decimal | undefined {
  const found = JSON_NUMBER.exec(text);
  if (found === null) return undefined;
  const [, minus, whole = '', fraction = '', power = '0'] = found;
  const all = whole + fraction;
  // By hand: the pattern /0+$/ takes quadratic time on zeros that do not stand at the end.
  let first = 0;
  while (first < all.length && all.charCodeAt(first) === ZERO) first += 1;
  let end = all.length;
  while (end > first && all.charCodeAt(end - 1) === ZERO) end -= 1;
  if (first === end) return { sign: 0, digits: '', exponent: 0 };
  return {
    sign: minus === '-' ? -1 : 1,
    digits: all.slice(first, end),
    exponent: Number(power) + whole.length - first,
  };
}

/** Below 0 if the left number is less, above 0 if it is more, 0 if they are the same, exactly. */
export function compareDecimals(left: Decimal, right: Decimal): number {
  if (left.sign !== right.sign) return left.sign - right.sign;
  if (left.exponent !== right.exponent) return left.sign * (left.exponent - right.exponent);
  // Both begin behind the point with a digit that is not 0, so they compare as text does.
  if (left.digits === right.digits) return 0;
  return left.digits < right.digits ? -left.sign : left.sign;
}
