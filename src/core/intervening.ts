import type { AppendRequest, ConditionItem, InterveningEvents, Refused, VersionConflict } from './append.js';
import { matchesCondition } from './append-condition.js';
import { type Event, eventBytes } from './event.js';
import type { Filter } from './filter.js';
import { FILTER_NAMES, FILTER_TAGS, FILTERS } from './limits.js';
import type { LoadPage, LoadRequest } from './load.js';

/**
 * The events that came between what the caller of a refused append believed and what is, by loads of the store's own: of
 * each stream that failed the versions above the expected one, or those that break the condition. In position order, as
 * many from the first on as have room in `interveningBytes`, by the size that `eventBytes` gives.
 *
 * A stream that is expected to exist has nothing that came between, and one that was deleted meanwhile gives nothing.
 * Holds one page and the budget at most, however much came between.
 *
 * @param load the store's, bound to the caller's signal and deadline
 */
export async function interveningEvents(
  load: (request: LoadRequest) => AsyncIterable<LoadPage>,
  request: AppendRequest,
  refused: Refused,
): Promise<InterveningEvents> {
  const kept = new FirstEvents(request.interveningBytes ?? 0);
  if (refused.conditionFailedAt === undefined)
    for (const conflict of refused.conflicts) {
      const selection = ofConflict(conflict);
      if (selection !== undefined) await kept.addAll(load(selection));
    }
  else {
    const items = request.condition?.items ?? [];
    const filters = items.flatMap((item) => ofItem(item, refused.conditionFailedAt ?? 1n));
    for (let first = 0; first < filters.length; first += FILTERS)
      await kept.addAll(load({ filters: filters.slice(first, first + FILTERS) }), (event) =>
        matchesCondition(items, event),
      );
  }
  return kept.result();
}

function ofConflict({ stream, expected, actual }: VersionConflict): LoadRequest | undefined {
  if (expected === 'STREAM_EXISTS' || expected === 'ANY') return undefined;
  const first = expected === 'NO_STREAM' ? 1n : expected + 1n;
  if (first > actual) return undefined;
  // A scope of several streams, even of one, takes a stream that is deleted for an empty one.
  return { scope: { kind: 'STREAMS', streams: [stream] }, filters: [{ versions: { first, last: actual } }] };
}

/** An item as filters, of which each has no more names than a load takes. Nothing before `first` matches. */
function ofItem({ eventTypes = [], tags = [] }: ConditionItem, first: bigint): Filter[] {
  const common: Filter = { positions: { first }, tags: tags.slice(0, FILTER_TAGS) };
  if (eventTypes.length === 0) return [common];
  const filters: Filter[] = [];
  for (let from = 0; from < eventTypes.length; from += FILTER_NAMES)
    filters.push({ ...common, eventTypes: eventTypes.slice(from, from + FILTER_NAMES) });
  return filters;
}

/** Of all events given, in whatever order, the first ones by position that fit a budget. */
class FirstEvents {
  readonly #budget: number;
  /** In position order, each once. */
  #events: Event[] = [];
  /** The lowest position that had no room; nothing from there on is kept, so that nothing is missing in between. */
  #cutAt: bigint | undefined;

  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Takes what is given in position order, and leaves off where there is no room for more. */
  async addAll(
    pages: AsyncIterable<LoadPage>,
    wanted: (event: Event) => boolean = () => true,
  ): Promise<void> {
    for await (const { events, scannedTo } of pages) {
      this.#add(events.filter(wanted));
      if (this.#cutAt !== undefined && scannedTo >= this.#cutAt) return;
    }
  }

  result(): InterveningEvents {
    return { events: this.#events, truncated: this.#cutAt !== undefined };
  }

  #add(events: readonly Event[]): void {
    const positions = new Set(this.#events.map(({ position }) => position));
    const all = [...this.#events, ...events.filter(({ position }) => !positions.has(position))].sort(
      (a, b) => (a.position < b.position ? -1 : 1),
    );
    let bytes = 0;
    const end = all.findIndex((event) => {
      bytes += eventBytes(event);
      return bytes > this.#budget || (this.#cutAt !== undefined && event.position >= this.#cutAt);
    });
    const cut = all[end];
    if (cut !== undefined && (this.#cutAt === undefined || cut.position < this.#cutAt))
      this.#cutAt = cut.position;
    this.#events = end < 0 ? all : all.slice(0, end);
  }
}
