/** Chance from a seed (mulberry32): the same seed, the same choices. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 inclusive to 1 exclusive. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** From 0 inclusive to `end` exclusive. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  of<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('There is nothing to choose from');
    return item;
  }

  /** One for a part of the work that draws by itself, so that its choices do not depend on the others' pace. */
  fork(): Random {
    return new Random(this.below(2 ** 32));
  }
}

/** `HEADWATER_TRUST_SEED`, or one of this run; printed with every result. */
export function chosenSeed(): number {
  return Number(process.env['HEADWATER_TRUST_SEED'] ?? Date.now() % 2 ** 31);
}
