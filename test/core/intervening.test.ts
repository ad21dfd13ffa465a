import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppendRequest, Refused, VersionConflict } from '../../src/core/append.js';
import { matchesCondition } from '../../src/core/append-condition.js';
import { type Event, eventBytes } from '../../src/core/event.js';
import { interveningEvents } from '../../src/core/intervening.js';
import type { LoadPage, LoadRequest } from '../../src/core/load.js';
import { matcher } from '../../src/core/matcher.js';
import { WHOLE_LOG } from '../../src/core/filter.js';
import { validateLoad } from '../../src/core/validate-read.js';
import { storedEvent } from './events.js';

const stream = (aggregateId: string) => ({ aggregateType: 'Account', aggregateId });

/** A log of so many events over three streams, by turns, with a tag and a type each. */
function log(length: number): Event[] {
  const versions = new Map<string, bigint>();
  return Array.from({ length }, (_, index) => {
    const id = 'abc'[(index * 7) % 3] ?? 'a';
    const version = (versions.get(id) ?? 0n) + 1n;
    versions.set(id, version);
    return storedEvent({
      stream: stream(id),
      version,
      position: BigInt(index + 1),
      eventType: `Type${index % 4}`,
      tags: [`tag:${index % 5}`],
      data: new Uint8Array((index * 37) % 200),
    });
  });
}

/** A store's load over the events, in pages of three, that counts them. */
function loader(events: readonly Event[]) {
  const loads: { requests: LoadRequest[]; pages: number } = { requests: [], pages: 0 };
  const load = async function* (request: LoadRequest): AsyncGenerator<LoadPage, void, undefined> {
    validateLoad(request);
    loads.requests.push(request);
    const found = events.filter(matcher(request.scope ?? WHOLE_LOG, request.filters));
    for (let from = 0; from === 0 || from < found.length; from += 3) {
      await Promise.resolve();
      loads.pages += 1;
      const some = found.slice(from, from + 3);
      yield { events: some, scannedAfter: 0n, scannedTo: some.at(-1)?.position ?? 0n, epoch: 1n };
    }
  };
  return { loads, load };
}

const conflicts = (...list: VersionConflict[]): Refused => ({ outcome: 'REFUSED', conflicts: list });
const asking = (interveningBytes: number, rest: Partial<AppendRequest> = {}): AppendRequest => ({
  streams: [],
  onConflict: 'RETURN',
  interveningBytes,
  ...rest,
});
const positionsOf = (events: readonly Event[]) => events.map(({ position }) => position);

describe('the events that came between', () => {
  it('are those above the expected versions of all streams that failed, in position order', async () => {
    const events = log(12);
    const refused = conflicts(
      { stream: stream('b'), expected: 'NO_STREAM', actual: 4n },
      { stream: stream('a'), expected: 3n, actual: 4n },
      { stream: stream('c'), expected: 'STREAM_EXISTS', actual: 0n },
    );
    const given = await interveningEvents(loader(events).load, asking(100_000), refused);
    const expected = events.filter(
      ({ stream: of, version }) => of.aggregateId === 'b' || (of.aggregateId === 'a' && version === 4n),
    );
    expect(given).toEqual({ events: expected, truncated: false });
  });

  it('are none where the stream is behind what was expected', async () => {
    const { load, loads } = loader(log(12));
    const refused = conflicts({ stream: stream('a'), expected: 9n, actual: 4n });
    expect(await interveningEvents(load, asking(100_000), refused)).toEqual({ events: [], truncated: false });
    expect(loads.requests).toEqual([]);
  });

  it('end with the version that the refusal names', async () => {
    const refused = conflicts({ stream: stream('a'), expected: 1n, actual: 2n });
    const { events } = await interveningEvents(loader(log(30)).load, asking(100_000), refused);
    expect(events.map(({ version }) => version)).toEqual([2n]);
  });

  it('are those that break the condition, each once, however many items match it', async () => {
    const events = log(40);
    const items = Array.from({ length: 40 }, (_, index) =>
      index % 2 ? { tags: [`tag:${index % 5}`] } : { eventTypes: [`Type${index % 3}`], tags: ['tag:1'] },
    );
    const { load, loads } = loader(events);
    const refused: Refused = { outcome: 'REFUSED', conflicts: [], conditionFailedAt: 11n };
    const condition = { items, after: { position: 8n } };
    const given = await interveningEvents(load, asking(100_000, { condition }), refused);
    expect(given.truncated).toBe(false);
    expect(positionsOf(given.events)).toEqual(
      positionsOf(events.filter((event) => event.position > 10n && matchesCondition(items, event))),
    );
    expect(loads.requests.length).toBe(3);
  });

  it('are found for items with more names than one filter takes', async () => {
    const events = log(20);
    const eventTypes = [...Array.from({ length: 250 }, (_, index) => `None${index}`), 'Type2'];
    const items = [{ eventTypes }, { tags: Array.from({ length: 120 }, (_, index) => `tag:${index}`) }];
    const refused: Refused = { outcome: 'REFUSED', conflicts: [], conditionFailedAt: 1n };
    const given = await interveningEvents(
      loader(events).load,
      asking(100_000, { condition: { items } }),
      refused,
    );
    expect(positionsOf(given.events)).toEqual([3n, 7n, 11n, 15n, 19n]);
  });

  it('are the first ones that fit the budget, whatever the order in which they are found', async () => {
    const events = log(60);
    const refused = conflicts(
      ...['c', 'a', 'b'].map((id) => ({ stream: stream(id), expected: 'NO_STREAM' as const, actual: 20n })),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12_000 }), async (budget) => {
        const given = await interveningEvents(loader(events).load, asking(budget), refused);
        let bytes = 0;
        const fitting = events.findIndex((event) => (bytes += eventBytes(event)) > budget);
        const expected = fitting < 0 ? events : events.slice(0, fitting);
        expect(positionsOf(given.events)).toEqual(positionsOf(expected));
        expect(given.truncated).toBe(fitting >= 0);
      }),
    );
  });

  it('are not looked for any further when the budget is full', async () => {
    const { load, loads } = loader(log(3000));
    const refused = conflicts({ stream: stream('a'), expected: 'NO_STREAM', actual: 1000n });
    expect((await interveningEvents(load, asking(1000), refused)).truncated).toBe(true);
    expect(loads.pages).toBeLessThan(10);
  });
});
