/**
 * Which of two texts comes first by its bytes in UTF-8, which is the order of code points and what Postgres calls
 * `COLLATE "C"`: below 0 for the left one, above 0 for the right one, 0 if they are the same. JavaScript's own order, by
 * UTF-16 units, puts characters beyond U+FFFF before those from U+E000.
 */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const [one, other] = [left.charCodeAt(index), right.charCodeAt(index)];
    if (one !== other) return rank(one) - rank(other);
  }
  return left.length - right.length;
}

/** A surrogate stands for a code point above all that one unit can say. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
