import { type Event, eventBytes } from './event.js';
import { PAGE_BYTES } from './limits.js';
import type { LoadPage } from './load.js';
import type { StoreMiddleware } from './store-middleware.js';
import { isSystemEventType } from './system-events.js';

type OnLoad = NonNullable<StoreMiddleware['onLoad']>;

/** The events as they are to be shown; the store's own and erased ones as they are. */
export async function transformed(events: readonly Event[], onLoad: OnLoad): Promise<readonly Event[]> {
  const shown: Event[] = [];
  for (const event of events) {
    if (event.erased || isSystemEventType(event.eventType)) {
      shown.push(event);
      continue;
    }
    const given = onLoad(event);
    const result = given instanceof Promise ? await given : given;
    if (
      typeof result !== 'object' ||
      result === null ||
      result.eventId !== event.eventId ||
      result.position !== event.position ||
      result.version !== event.version
    )
      throw new TypeError('onLoad must give an event with the same id, position and version');
    shown.push(result);
  }
  return shown;
}

/** Pages or messages with their events as they are to be shown, one page at a time. */
export async function* transformedPages<Page extends LoadPage>(
  pages: AsyncIterable<Page>,
  onLoad: OnLoad,
  direction: 'FORWARDS' | 'BACKWARDS',
): AsyncGenerator<Page, void, undefined> {
  for await (const page of pages) {
    if (page.events.length === 0) yield page;
    else yield* fitting({ ...page, events: await transformed(page.events, onLoad) }, direction);
  }
}

/** The page in pieces of {@link PAGE_BYTES} or one event, for its events may have grown; their ranges meet. */
function* fitting<Page extends LoadPage>(
  page: Page,
  direction: 'FORWARDS' | 'BACKWARDS',
): Generator<Page, void, undefined> {
  let rest = page;
  let from = 0;
  let bytes = 0;
  for (const [index, event] of page.events.entries()) {
    const size = eventBytes(event);
    const last = page.events[index - 1];
    if (index > from && last !== undefined && bytes + size > PAGE_BYTES) {
      const piece = page.events.slice(from, index);
      if (direction === 'FORWARDS') {
        yield { ...rest, events: piece, scannedTo: last.position };
        rest = { ...rest, scannedAfter: last.position };
      } else {
        yield { ...rest, events: piece, scannedAfter: last.position - 1n };
        rest = { ...rest, scannedTo: last.position - 1n };
      }
      from = index;
      bytes = 0;
    }
    bytes += size;
  }
  yield { ...rest, events: from === 0 ? page.events : page.events.slice(from) };
}
