import type { Event } from './event.js';
import { unpackEvents } from './event-view.js';
import type { EventFields, PackedEvents } from './packed-events.js';

/** Some events of pages that lie elsewhere, in order; their bytes stay where they are. */
export class PickedEvents implements PackedEvents {
  readonly #pages: PackedEvents[] = [];
  readonly #indexes: number[] = [];
  #byteLength = 0;

  add(page: PackedEvents, index: number): void {
    this.#pages.push(page);
    this.#indexes.push(index);
    this.#byteLength += page.sizeOf(index);
  }

  get count(): number {
    return this.#indexes.length;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  read(index: number, fields: EventFields): void {
    this.#page(index).read(this.#indexes[index] ?? 0, fields);
  }

  sizeOf(index: number): number {
    return this.#page(index).sizeOf(this.#indexes[index] ?? 0);
  }

  unpack(): readonly Event[] {
    return unpackEvents(this);
  }

  #page(index: number): PackedEvents {
    const page = this.#pages[index];
    if (page === undefined) throw new RangeError(`There is no event ${index}`);
    return page;
  }
}
