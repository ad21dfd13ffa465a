/** A table of so few entries is not worth being looked after. */
const FEW = 16;

/**
 * A `Map` for entries that come and go by the million, such as what is under way.
 *
 * V8 makes the table of a `Map` anew whenever entries that were deleted fill it up, and lets the former table refer to the next
 * one, for iterators. Once one of them has survived a full collection, it holds the next one, which holds the next: all that
 * ever was in the `Map` since is copied twice and kept, until the next full collection begins that again. Of appends that were
 * under way this was most of the client's garbage collection. Here another `Map` takes over before that, to which nothing leads.
 *
 * See `OrderedHashTable::Rehash`: https://github.com/v8/v8/blob/main/src/objects/ordered-hash-table.cc
 */
export class ChurnedMap<Key, Value> {
  #map = new Map<Key, Value>();
  #deleted = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key);
  }

  has(key: Key): boolean {
    return this.#map.has(key);
  }

  set(key: Key, value: Value): void {
    this.#map.set(key, value);
  }

  /** Says whether it was there. */
  delete(key: Key): boolean {
    if (!this.#map.delete(key)) return false;
    this.#deleted += 1;
    if (this.#deleted > FEW + this.#map.size / 2) {
      this.#map = new Map(this.#map);
      this.#deleted = 0;
    }
    return true;
  }

  /** As they are now, in the order in which they came. */
  values(): Value[] {
    return [...this.#map.values()];
  }

  clear(): void {
    this.#map = new Map();
    this.#deleted = 0;
  }
}
