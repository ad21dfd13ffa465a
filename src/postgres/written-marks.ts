import type { PreparedAppend } from './prepared-append.js';

/**
 * The types and tags of the events that a group has so far, to tell whether a further request's condition may be about
 * them. All in one heap: it may say yes where no single event has them all, and then the request goes into the next group.
 */
export class WrittenMarks {
  readonly #types = new Set<string>();
  readonly #tags = new Set<string>();

  add({ entries }: PreparedAppend): void {
    for (const { events } of entries)
      for (const { type, tagList } of events) {
        this.#types.add(type);
        for (const tag of tagList) this.#tags.add(tag);
      }
  }

  mayBreak({ request: { condition } }: PreparedAppend): boolean {
    if (condition === undefined || this.#types.size === 0) return false;
    return condition.items.some(
      ({ eventTypes = [], tags = [] }) =>
        (eventTypes.length === 0 || eventTypes.some((type) => this.#types.has(type))) &&
        tags.every((tag) => this.#tags.has(tag)),
    );
  }
}
