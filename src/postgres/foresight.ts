const LONGEST = 64;

/**
 * Whether groups come out as foreseen. To try one that does not costs a round trip more, so after each that did not, twice as
 * many as before are decided at once, up to 64: where callers contend, or expect what is long past, a group seldom holds as
 * a whole.
 */
export class Foresight {
  /** Groups that are still to be decided at once. */
  #left = 0;
  #next = 1;

  /** Whether the next group is worth a try; to be asked once for each. */
  isWorthATry(): boolean {
    if (this.#left === 0) return true;
    this.#left -= 1;
    return false;
  }

  held(): void {
    this.#next = 1;
  }

  failed(): void {
    this.#left = this.#next;
    this.#next = Math.min(LONGEST, this.#next * 2);
  }
}
