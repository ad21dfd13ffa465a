/** Words of four bytes that a slot has room for: a UUID, most names, a trace parent. */
const SLOT_WORDS = 16;
const SLOTS = 1024;

/**
 * Texts that come again and again, found by their bytes: event types, metadata keys, the id of a stream that is read. Found
 * costs a third of made. At most 1024 texts of 4 to 64 bytes, each in the one slot that its bytes choose, where the last one
 * stays.
 */
export class KnownTexts {
  readonly #texts: string[] = Array.from({ length: SLOTS }, () => '');
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #words = new Int32Array(SLOTS * SLOT_WORDS);

  /** The text of these bytes, made by `make` unless it is known. */
  find(bytes: DataView, from: number, to: number, make: (from: number, to: number) => string): string {
    const length = to - from;
    if (length < 4 || length > SLOT_WORDS * 4) return make(from, to);
    const last = to - 4;
    const slot = slotOf(bytes, from, last);
    const begin = slot * SLOT_WORDS;
    if (this.#lengths[slot] === length && this.#has(begin, bytes, from, last)) return this.#texts[slot] ?? '';
    // Made first: bytes that are no text must not be known.
    const text = make(from, to);
    let word = begin;
    for (let at = from; at < last; at += 4) this.#words[word++] = bytes.getInt32(at);
    this.#words[word] = bytes.getInt32(last);
    this.#lengths[slot] = length;
    this.#texts[slot] = text;
    return text;
  }

  #has(begin: number, bytes: DataView, from: number, last: number): boolean {
    let word = begin;
    for (let at = from; at < last; at += 4) if (this.#words[word++] !== bytes.getInt32(at)) return false;
    // The last four bytes, which may overlap with the word before.
    return this.#words[word] === bytes.getInt32(last);
  }
}

/** Ends and middle are enough to tell names and ids apart; the rest is compared. */
function slotOf(bytes: DataView, from: number, last: number): number {
  const middle = (from + last) >> 1;
  const mixed =
    Math.imul(bytes.getInt32(from), 0x9e3779b1) ^
    Math.imul(bytes.getInt32(middle), 0x85ebca6b) ^
    Math.imul(bytes.getInt32(last) + last - from, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 15)) & (SLOTS - 1);
}
