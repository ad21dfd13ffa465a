import type { ConditionItem } from './append.js';

/** As much of an event as conditions look at. */
export interface Tagged {
  readonly eventType: string;
  readonly tags: readonly string[];
}

/** Whether the event is one of those that the items are about: items OR-ed, types OR-ed and tags AND-ed in an item. */
export function matchesCondition(items: readonly ConditionItem[], event: Tagged): boolean {
  return items.some(
    ({ eventTypes = [], tags = [] }) =>
      (eventTypes.length === 0 || eventTypes.includes(event.eventType)) &&
      tags.every((tag) => event.tags.includes(tag)),
  );
}
