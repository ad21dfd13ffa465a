import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Connection } from '../../src/client/connect.js';
import { PolicyDeniedError } from '../../src/core/errors.js';
import type { Event } from '../../src/core/event.js';
import type { Filter, Scope } from '../../src/core/filter.js';
import { eventsOf } from '../../src/core/load.js';
import { newEvent, to } from '../../src/testing/builders.js';
import { isStranger, mayRead, PRINCIPALS, type Touch, type Verdict, verdictOf } from './matrix/oracle.js';
import type { PrincipalName } from './matrix/principals.js';
import { inTurns } from './matrix/turns.js';
import { allEvents, openWorld, type World } from './matrix/world.js';

const SCOPES: readonly { readonly scope: Scope; readonly touches: readonly Touch[] }[] = [
  { scope: { kind: 'LOG' }, touches: [{ log: true }] },
  ...[['Order'], ['Invoice'], ['Secret'], ['Invoice', 'Order'], ['Order', 'Secret']].map(
    (aggregateTypes) => ({
      scope: { kind: 'AGGREGATE_TYPES', aggregateTypes } as const,
      touches: aggregateTypes.map((type) => ({ type })),
    }),
  ),
];
const FILTERS: readonly (readonly Filter[])[] = [
  [],
  [{ streams: [{ aggregateType: 'Order' }] }],
  [{ streams: [{ aggregateIdPrefix: 'us' }] }, { streams: [{ aggregateId: 'eu-1' }] }],
  [{ versions: { first: 2n } }],
  [{ positions: { first: 4n, last: 12n } }],
];

let world: World;
let events: readonly Event[];
beforeAll(async () => {
  world = await openWorld();
  events = await allEvents(world.root);
}, 60_000);
afterAll(() => world.close());

function as(principal: PrincipalName): Connection {
  const token = (world.authorization(principal) ?? '').replace('Bearer ', '');
  return connect({ address: world.address, token, timeoutMs: 20_000 });
}

function inScope(scope: Scope, { stream }: Event): boolean {
  return (
    scope.kind === 'LOG' ||
    (scope.kind === 'AGGREGATE_TYPES' && scope.aggregateTypes.includes(stream.aggregateType))
  );
}

/** What the oracle lets a principal see of a scope and filters, by going through all that there is. */
function shown(principal: PrincipalName, scope: Scope, filters: readonly Filter[]): readonly bigint[] {
  const matches = ({ position, stream, version }: Event, { positions, streams, versions }: Filter) =>
    (streams === undefined ||
      streams.some(
        ({ aggregateId, aggregateIdPrefix, aggregateType }) =>
          (aggregateType ?? stream.aggregateType) === stream.aggregateType &&
          (aggregateId ?? stream.aggregateId) === stream.aggregateId &&
          stream.aggregateId.startsWith(aggregateIdPrefix ?? ''),
      )) &&
    version >= (versions?.first ?? 0n) &&
    position >= (positions?.first ?? 0n) &&
    position <= (positions?.last ?? 1_000_000n);
  return events
    .filter((event) => inScope(scope, event))
    .filter((event) => filters.length === 0 || filters.some((filter) => matches(event, filter)))
    .filter(({ stream }) => mayRead(principal, 'main', [stream.aggregateType, stream.aggregateId]))
    .map(({ position }) => position);
}

const denied = (verdict: Verdict) => verdict === 'DENIED';

async function refused(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => false,
    (error: unknown) => {
      if (error instanceof PolicyDeniedError) return true;
      throw error;
    },
  );
}

describe('what is shown of many streams', () => {
  it('is exactly what the oracle lets each principal see, by load, subscription, count and lists alike', async () => {
    let cells = 0;
    const wrong: string[] = [];
    const check = (what: string, found: unknown, wanted: unknown) => {
      cells += 1;
      const text = (value: unknown) =>
        JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one));
      if (text(found) !== text(wanted)) wrong.push(`${what}: ${text(found)}, not ${text(wanted)}`);
    };
    const known = PRINCIPALS.filter((principal) => !isStranger(principal) && principal !== 'inspector');
    await inTurns(known, 6, async (principal) => {
      const { close, eventStore, aggregates } = as(principal);
      const verdict = (rpc: string, touches: readonly Touch[]) =>
        verdictOf({ principal, rpc, touches, where: 'main' });
      for (const { scope, touches } of SCOPES)
        for (const filters of FILTERS) {
          const what = `${principal}, ${JSON.stringify(touches)}`;
          const request = { scope, filters };
          const load = async (direction: 'FORWARDS' | 'BACKWARDS') => {
            const found: bigint[] = [];
            for await (const { position } of eventsOf(eventStore.load({ ...request, direction })))
              found.push(position);
            return found;
          };
          if (denied(verdict('EventStoreService/Load', touches))) {
            check(`${what}, load refused`, await refused(load('FORWARDS')), true);
            check(`${what}, count refused`, await refused(eventStore.countEvents(request)), true);
            continue;
          }
          const wanted = shown(principal, scope, filters);
          check(`${what}, load`, await load('FORWARDS'), wanted);
          if (filters.length === 0) check(`${what}, backwards`, await load('BACKWARDS'), wanted.toReversed());
          check(`${what}, count`, (await eventStore.countEvents(request)).count, wanted.length);
          if (filters.length > 1) continue;
          const followed: bigint[] = [];
          for await (const message of eventStore.subscribe({
            ...request,
            start: { kind: 'AFTER', after: { position: 0n } },
          })) {
            followed.push(...message.events.map(({ position }) => position));
            if (message.signal?.kind === 'CAUGHT_UP') break;
          }
          check(`${what}, subscription`, followed, wanted);
        }
      for (const aggregateType of [undefined, 'Order', 'Invoice', 'Secret']) {
        const touches: readonly Touch[] = [
          aggregateType === undefined ? { log: true } : { type: aggregateType },
        ];
        const mayList = !denied(verdict('EventStoreService/ListStreams', touches));
        const page = (pageToken?: string) =>
          eventStore.listStreams({
            deleted: 'INCLUDE',
            pageSize: 1,
            ...(aggregateType === undefined ? {} : { aggregateType }),
            ...(pageToken === undefined ? {} : { pageToken }),
          });
        if (!mayList) {
          check(`${principal}, list of ${aggregateType} refused`, await refused(page()), true);
          continue;
        }
        const found: string[] = [];
        for (let next: string | undefined = ''; next !== undefined; ) {
          const list = await page(next === '' ? undefined : next);
          found.push(...list.streams.map(({ stream }) => `${stream.aggregateType}/${stream.aggregateId}`));
          next = list.nextPageToken;
        }
        const all = new Set(
          events
            .map(({ stream }) => [stream.aggregateType, stream.aggregateId] as const)
            .filter(([type]) => type === (aggregateType ?? type))
            .filter((stream) => mayRead(principal, 'main', stream))
            .map((stream) => stream.join('/')),
        );
        check(`${principal}, list of ${aggregateType}`, found, [...all].sort());
        if (aggregateType === undefined) {
          const { aggregateTypes } = await eventStore.listAggregateTypes();
          const sums = aggregateTypes.map((one) => one.events).reduce((sum, one) => sum + one, 0n);
          check(`${principal}, types`, sums, shown(principal, { kind: 'LOG' }, []).length);
        } else {
          const list = await aggregates.list({ aggregateType, deleted: 'INCLUDE' });
          check(`${principal}, aggregates of ${aggregateType}`, list.aggregates.length, all.size);
        }
      }
      close();
    });
    console.log(`narrowed reads: ${cells} cells`);
    expect(wrong).toEqual([]);
    expect(cells).toBeGreaterThan(1000);
  }, 120_000);

  it('goes on from the page token of somebody who sees more with nothing but what one may see', async () => {
    const list = { aggregateType: 'Order', pageSize: 2, deleted: 'INCLUDE' } as const;
    const { nextPageToken = '' } = await world.root.eventStore.listStreams(list);
    const reader = as('of a prefix');
    const { streams } = await reader.eventStore.listStreams({
      ...list,
      pageSize: 100,
      pageToken: nextPageToken,
    });
    reader.close();
    expect(streams.map(({ stream }) => stream.aggregateId)).not.toContain('us-1');
    expect(streams.every(({ stream }) => stream.aggregateId.startsWith('eu-'))).toBe(true);
  });
});

describe('of what others have appended', () => {
  it('who sends the event id of a foreign event learns its position, and nothing else', async () => {
    const foreign = events.find((event) => event.stream.aggregateId === 'us-1');
    const { close, eventStore } = as('of a prefix');
    const append = eventStore.append({
      streams: [to(stream('eu-1'), 'ANY', newEvent({ eventId: foreign?.eventId ?? '', json: 'us-1' }))],
    });
    const error = await append.catch((one: unknown) => one);
    close();
    expect(error).toMatchObject({ reason: 'EVENT_ID_REUSED', position: foreign?.position });
    expect(JSON.stringify(error, (_, one: unknown) => String(one))).not.toContain('us-1');
  });

  it('who sends a foreign command again, to the byte, is not told to which streams it went', async () => {
    const command = {
      commandId: 'secret-1',
      commandType: 'Tell',
      bodyHash: new Uint8Array(32).fill(7),
      result: Buffer.from('secret'),
    };
    const of = (id: string) => ({ streams: [to(stream(id), 'ANY', newEvent({ json: id }))], command });
    await world.root.eventStore.append(of('us-1'));
    const { close, eventStore } = as('of a prefix');
    await expect(eventStore.append(of('eu-1'))).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
    await expect(
      eventStore.append({ ...of('eu-1'), command: { ...command, bodyHash: new Uint8Array(32).fill(8) } }),
    ).rejects.toMatchObject({ reason: 'COMMAND_ID_REUSED' });
    close();
  });

  it('events come along with a refusal only for who may read them', async () => {
    const between = async (principal: PrincipalName) => {
      const { close, eventStore } = as(principal);
      const outcome = await eventStore.append({
        streams: [to(stream('eu-1'), 999n, newEvent()), to(stream('eu-10'), 1n, newEvent())],
        onConflict: 'RETURN',
        interveningBytes: 100_000,
      });
      close();
      return outcome.outcome === 'REFUSED' ? (outcome.intervening?.events.length ?? 0) : -1;
    };
    expect([await between('writer'), await between('reader and writer')]).toEqual([0, 1]);
  });
});

describe('a refusal', () => {
  it('is the same for what is there and what is not, also in the time that it takes', async () => {
    const { close, eventStore } = as('of a prefix');
    const times = new Map<string, number[]>([
      ['us-1', []],
      ['us-never', []],
    ]);
    const texts = new Set<string>();
    for (let call = 0; call < 2000; call++)
      for (const [id, taken] of times) {
        const began = performance.now();
        const error = await eventStore.getStream(stream(id)).catch((one: Error) => one);
        taken.push(performance.now() - began);
        texts.add(JSON.stringify([error, error instanceof Error && error.message]));
      }
    close();
    const [there = 0, missing = 0] = [...times.values()].map(
      (taken) => taken.sort((a, b) => a - b)[1000] ?? 0,
    );
    const percent = (100 * Math.abs(there - missing)) / missing;
    console.log(
      `refusals, medians of 2,000: there ${there.toFixed(3)} ms, not there ${missing.toFixed(3)} ms, ${percent.toFixed(1)} % apart`,
    );
    expect(texts.size).toBe(1);
    expect(percent).toBeLessThan(50);
  }, 60_000);
});

function stream(aggregateId: string) {
  return { aggregateType: 'Order', aggregateId };
}
