/** Answers in one turn of the event loop. */
const TURN = 32;

/**
 * Lets answers leave a few in each turn of the event loop, in the order in which they come. A group commit decides many requests
 * at once, and what is written to a connection leaves when the turn is over: if all were answered in one, a caller that has them
 * under way over one connection would rest until the last is written, and then the service until the caller has taken them all.
 * (S2 of `npm run bench`: 64 unary appends at a time.)
 */
export class AnswerTurns {
  #left = TURN;
  #waiting: (() => void)[] = [];
  #comes = false;

  /** Calls `send` now, or in one of the next turns. */
  answer(send: () => void): void {
    this.#come();
    if (this.#left > 0 && this.#waiting.length === 0) {
      this.#left -= 1;
      send();
    } else this.#waiting.push(send);
  }

  #come(): void {
    if (this.#comes) return;
    this.#comes = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#comes = false;
    const sending = this.#waiting.slice(0, TURN);
    this.#waiting = this.#waiting.slice(TURN);
    this.#left = TURN - sending.length;
    if (sending.length > 0) this.#come();
    for (const send of sending) send();
  }
}
