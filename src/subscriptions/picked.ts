import type { Event } from '../core/event.js';
import { unpackEvents } from '../core/event-view.js';
import { type EventFields, type PackedEvents, packedPage } from '../core/packed-events.js';
import type { SubscriptionMessage } from '../core/subscribe.js';
import type { HeldEvents } from './held-events.js';

/** What was found for one follower, in order: some events of pages that the ring holds, whose bytes stay where they are. */
export class Picked implements PackedEvents {
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

  /** They become objects when somebody asks for them, if they are bytes. Nothing is to be added from then on. */
  message(range: Omit<SubscriptionMessage, 'events' | 'signal'>): SubscriptionMessage {
    if (this.count === 0) return { events: [], ...range };
    if (this.#pages.some(({ packed }) => packed === undefined)) return { events: this.#objects(), ...range };
    const whole = this.isWhole ? this.#pages[0]?.packed : undefined;
    return packedPage(whole ?? this, range);
  }

  get byteLength(): number {
    let bytes = 0;
    for (let index = 0; index < this.count; index++) bytes += this.sizeOf(index);
    return bytes;
  }

  read(index: number, fields: EventFields): void {
    const { packed } = this.#page(index);
    if (packed === undefined) throw new TypeError('The events are objects');
    packed.read(this.#indexes[index] ?? 0, fields);
  }

  sizeOf(index: number): number {
    return this.#page(index).sizeOf(this.#indexes[index] ?? 0);
  }

  unpack(): readonly Event[] {
    return unpackEvents(this);
  }

  #objects(): readonly Event[] {
    return this.#pages.map((page, at) => page.event(this.#indexes[at] ?? 0));
  }

  #page(index: number): HeldEvents {
    const page = this.#pages[index];
    if (page === undefined) throw new RangeError(`There is no event ${index}`);
    return page;
  }
}
