/**
 * The same items, the next one being made while the reader has the last. Only from the second on, so that who takes one and
 * leaves has cost one. One is held, made or failed, however long the reader takes. After the signal's abort no other is given:
 * then it throws the signal's reason.
 */
export async function* oneAhead<T>(
  items: AsyncGenerator<T, void, undefined>,
  signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  try {
    const first = await items.next();
    if (first.done) return;
    yield first.value;
    let coming = items.next();
    for (;;) {
      const item = await coming;
      if (item.done) return;
      coming = items.next();
      // Told when the reader comes to it, if ever.
      coming.catch(() => undefined);
      // What makes it is begun before the reader is busy with this one: a page is some milliseconds of work, for which the
      // database would stand still.
      await new Promise(setImmediate);
      signal?.throwIfAborted();
      yield item.value;
    }
  } finally {
    // Not awaited: what is being made is thrown away when it is done.
    items.return().catch(() => undefined);
  }
}
