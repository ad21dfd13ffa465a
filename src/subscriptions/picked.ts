import { packedPage } from '../core/packed-events.js';
import { PickedEvents } from '../core/picked-events.js';
import type { SubscriptionMessage } from '../core/subscribe.js';
import type { HeldEvents } from './held-events.js';

/** What was found for one follower, in order: some events of pages that the ring holds. */
export class Picked {
  readonly #pages: HeldEvents[] = [];
  readonly #indexes: number[] = [];

  get count(): number {
    return this.#indexes.length;
  }

  /** Whether it is all of one page, as who follows the whole log is given it. */
  get isWhole(): boolean {
    return this.#pages[0]?.count === this.count && this.#pages[0] === this.#pages.at(-1);
  }

  add(page: HeldEvents, index: number): void {
    this.#pages.push(page);
    this.#indexes.push(index);
  }

  /** They become objects when somebody asks for them, if they are bytes. */
  message(range: Omit<SubscriptionMessage, 'events' | 'signal'>): SubscriptionMessage {
    if (this.count === 0) return { events: [], ...range };
    const whole = this.isWhole ? this.#pages[0]?.packed : undefined;
    if (whole !== undefined) return packedPage(whole, range);
    const picked = new PickedEvents();
    for (let at = 0; at < this.count; at++) {
      const packed = this.#pages[at]?.packed;
      if (packed === undefined) return { events: this.#unpacked(), ...range };
      picked.add(packed, this.#indexes[at] ?? 0);
    }
    return packedPage(picked, range);
  }

  #unpacked() {
    return this.#pages.map((page, at) => page.event(this.#indexes[at] ?? 0));
  }
}
