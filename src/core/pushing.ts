/** Is offered an item in the turn in which it comes; with `false` it has it from the iterator instead. */
export type Take<Item> = (item: Item) => boolean;

/**
 * Items that may be brought to their reader while he waits for the next one. An iterator makes a dozen objects for each wait, which
 * live as long as it lasts and so are dear to collect: with a thousand live followers that was an eighth of the service's CPU.
 */
export interface Pushing<Item> extends AsyncIterable<Item> {
  /**
   * From then on what comes while the iterator's next item is waited for is offered to `take` first; what that takes does not come
   * from the iterator, and all else does, in order. If it throws, the iteration ends with its error.
   */
  pushTo(take: Take<Item>): void;
}

/** Has the items brought, where they may be. */
export function pushTo<Item>(items: AsyncIterable<Item> | Pushing<Item>, take: Take<Item>): void {
  if ('pushTo' in items) items.pushTo(take);
}
