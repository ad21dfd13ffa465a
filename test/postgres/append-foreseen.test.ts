import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppendRequest } from '../../src/core/append.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import { ForeseenAppends } from '../../src/postgres/append-foreseen.js';
import type { Database } from '../../src/postgres/database.js';
import { Foresight } from '../../src/postgres/foresight.js';
import { GroupAppends } from '../../src/postgres/group-appends.js';
import { GroupLane } from '../../src/postgres/group-lane.js';
import { logHead } from '../../src/postgres/log-head.js';
import { prepareAppend } from '../../src/postgres/prepared-append.js';
import { systemRuntime } from '../../src/system.js';
import { loaded, newEvent, thing, to } from '../../src/testing/builders.js';
import { openDatabase, openTestStore, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

const prepared = (...requests: readonly AppendRequest[]) =>
  requests.map((request) => prepareAppend(request, DEFAULT_LIMITS, systemRuntime));
const foreseenOn = (database: Database, foresight?: Foresight) =>
  new ForeseenAppends({
    lane: new GroupLane(database, systemRuntime),
    schema: test.schema,
    ...(foresight ? { foresight } : {}),
  });
const foreseen = (...requests: readonly AppendRequest[]) =>
  foreseenOn(test.database).append(prepared(...requests));
const position = async () => (await logHead(test.database, test.schema)).position;
const creates = (id: string) => ({ streams: [to(thing(id), 'NO_STREAM', newEvent())] });
const since = (before: bigint) => loaded(test.store, { filters: [{ positions: { first: before + 1n } }] });
const command = (commandId: string) => ({
  commandId,
  commandType: 'Do',
  bodyHash: new Uint8Array(32),
  result: new Uint8Array(),
});

describe('a group whose outcome can be foreseen', () => {
  it('is written in one go: streams that begin and go on, one after the other, several at once, tags, commands', async () => {
    await test.store.append(creates('old'));
    const before = await position();
    const id = randomUUID();
    const outcomes = await foreseen(
      { streams: [to(thing('old'), 1n, newEvent({ tags: ['a:1', 'b:"2"'] }), newEvent())] },
      { ...creates('new'), command: command(id) },
      { streams: [to(thing('old'), 3n, newEvent()), to(thing('new'), 1n, newEvent(), newEvent())] },
      { streams: [to(thing('new'), 'ANY', newEvent())] },
    );
    expect(
      outcomes?.map(({ firstPosition, lastPosition, versions }) => [
        firstPosition - before,
        lastPosition - before,
        ...versions.map(({ stream, version }) => `${stream.aggregateId} ${version}`),
      ]),
    ).toEqual([
      [1n, 2n, 'old 3'],
      [3n, 3n, 'new 1'],
      [4n, 6n, 'old 4', 'new 3'],
      [7n, 7n, 'new 4'],
    ]);
    const events = (await since(before)).map(({ eventId, stream, version, tags }) => [
      eventId,
      stream.aggregateId,
      version,
      tags,
    ]);
    const ids = outcomes?.flatMap(({ eventIds }) => eventIds) ?? [];
    expect(events).toEqual([
      [ids[0], 'old', 2n, ['a:1', 'b:"2"']],
      [ids[1], 'old', 3n, []],
      [ids[2], 'new', 1n, []],
      [ids[3], 'old', 4n, []],
      [ids[4], 'new', 2n, []],
      [ids[5], 'new', 3n, []],
      [ids[6], 'new', 4n, []],
    ]);
    const rows = await test.database.query(
      'read',
      `SELECT e.ends_append, s.version, c.command_id FROM "${test.schema}".events e JOIN "${test.schema}".streams s
         USING (aggregate_type, aggregate_id) LEFT JOIN "${test.schema}".commands c ON e.position = c.last_position
        WHERE e.position > $1 ORDER BY e.position`,
      [before],
    );
    expect(rows).toEqual([
      ['f', '4', null],
      ['t', '4', null],
      ['t', '4', id],
      ['f', '4', null],
      ['f', '4', null],
      ['t', '4', null],
      ['t', '4', null],
    ]);
    expect(
      await test.database.query('read', `SELECT tag, position - $1 FROM "${test.schema}".event_tags`, [
        before,
      ]),
    ).toEqual([
      ['a:1', '1'],
      ['b:"2"', '1'],
    ]);
  });

  it('takes its turn with those of other instances', async () => {
    const other = openDatabase();
    const before = await position();
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        foreseenOn(index % 2 ? test.database : other).append(prepared(creates(`turn-${index}`))),
      ),
    );
    await other.close();
    const positions = outcomes.map((group) => Number((group?.[0]?.firstPosition ?? 0n) - before));
    expect(positions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
  });

  it('opens a new epoch where the server is another one', async () => {
    const { epoch } = await logHead(test.database, test.schema);
    await test.database.query('append', `UPDATE "${test.schema}".log_head SET timeline = timeline - 1`, []);
    const [outcome] = (await foreseen(creates('after-fail-over'))) ?? [];
    expect(outcome?.epoch).toBe(epoch + 1n);
    expect(outcome?.firstPosition).toBe(await position());
  });
});

describe('foresight', () => {
  it('rests after groups that were not as foreseen, longer each time up to 64, and is itself again after one that was', () => {
    const foresight = new Foresight();
    const rests = () => {
      let groups = 0;
      while (!foresight.isWorthATry()) groups += 1;
      return groups;
    };
    const rested = Array.from({ length: 9 }, () => {
      foresight.failed();
      return rests();
    });
    expect(rested).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64]);
    foresight.held();
    foresight.failed();
    expect(rests()).toBe(1);
  });

  it('learns from what came of groups, and not from those that cannot be foreseen', async () => {
    const foresight = new Foresight();
    const appends = foreseenOn(test.database, foresight);
    const tried = (...requests: readonly AppendRequest[]) => appends.append(prepared(...requests));
    const id = randomUUID();
    const event = newEvent({ eventId: randomUUID() });
    expect(await tried({ streams: [to(thing(id), 'NO_STREAM', event)] })).toHaveLength(1);
    expect(await tried({ streams: [to(thing(id), 'ANY', newEvent())] })).toBeUndefined();
    expect(await tried(creates(randomUUID()))).toHaveLength(1);
    for (const wrong of [creates(id), { streams: [to(thing(randomUUID()), 'NO_STREAM', event)] }]) {
      expect(await tried(wrong)).toBeUndefined();
      while (!foresight.isWorthATry());
    }
    expect(await tried(creates(id))).toBeUndefined();
    // Two and not one: the failure before counts.
    for (let group = 0; group < 4; group++) expect(await tried(creates(randomUUID()))).toBeUndefined();
    expect(await tried(creates(randomUUID()))).toHaveLength(1);
  });
});

type Odd = readonly [string, () => Promise<readonly AppendRequest[]>];
const ODD: readonly Odd[] = [
  ['another version', async () => [{ streams: [to(thing('there'), 99n, newEvent())] }]],
  [
    'the last version there could be',
    async () => [{ streams: [to(thing('there'), 2n ** 63n - 1n, newEvent())] }],
  ],
  ['a stream that is there already', async () => [creates('there')]],
  ['no stream where one should go on', async () => [{ streams: [to(thing(randomUUID()), 1n, newEvent())] }]],
  [
    'a deleted stream',
    async () => {
      const gone = randomUUID();
      await test.store.append(creates(gone));
      await test.store.changeStream({ kind: 'DELETE', stream: thing(gone), expectedVersion: 1n });
      return [{ streams: [to(thing(gone), 2n, newEvent())] }, creates(gone)];
    },
  ],
  [
    'the id of an event that is known',
    async () => {
      const known = newEvent({ eventId: randomUUID() });
      await test.store.append({ streams: [to(thing('known'), 'ANY', known)] });
      return [{ streams: [to(thing(randomUUID()), 'NO_STREAM', known)] }];
    },
  ],
  [
    'a command that was carried out',
    async () => {
      const id = randomUUID();
      await test.store.append({ ...creates(randomUUID()), command: command(id) });
      return [{ ...creates(randomUUID()), command: command(id) }];
    },
  ],
  ['any version', async () => [{ streams: [to(thing('there'), 'ANY', newEvent())] }]],
  ['no events', async () => [{ streams: [to(thing('there'), 1n)] }]],
  ['a condition', async () => [{ ...creates(randomUUID()), condition: { items: [{ tags: ['no:one'] }] } }]],
];

describe('a group that is not as foreseen', () => {
  const group = (...odd: readonly AppendRequest[]) => [creates(randomUUID()), ...odd, creates(randomUUID())];

  it.each<Odd>([...ODD, ['two that expect the same', async () => [creates('twice'), creates('twice')]]])(
    'is left to be decided, and leaves nothing behind: %s',
    async (_, odd) => {
      await test.store.append({ ...creates('there'), onConflict: 'RETURN' });
      const requests = group(...(await odd()));
      const before = await position();
      expect(await foreseen(...requests)).toBeUndefined();
      expect(await position()).toBe(before);

      const { database, schema } = test;
      const appends = new GroupAppends({ database, schema, runtime: systemRuntime });
      const verdicts = await appends.append(prepared(...requests));
      const outcomes = verdicts.flatMap((verdict) => (verdict instanceof Error ? [] : [verdict]));
      const written = outcomes.flatMap((outcome) =>
        outcome.outcome === 'APPENDED' && !outcome.deduplicated ? outcome.eventIds : [],
      );
      expect(verdicts[0]).toMatchObject({ outcome: 'APPENDED', firstPosition: before + 1n });
      expect(await position()).toBe(before + BigInt(written.length));
      const events = await since(before);
      expect(events.map(({ eventId }) => eventId)).toEqual(written);
    },
  );
});

describe('a single event', () => {
  it('is written as it would be in a group', async () => {
    const before = await position();
    const alike = { data: Buffer.from('{"a":"ü\\u0000"}'), metadata: { ' k"': 'v\\' }, schemaVersion: 3 };
    const tags = ['a:1', 'b:"2",{\\'];
    const events = [{ ...alike, tags }, alike];
    const [alone, together] = [randomUUID(), randomUUID()];
    for (const [index, event] of events.entries()) {
      const expected = index === 0 ? 'NO_STREAM' : BigInt(index);
      expect(await foreseen({ streams: [to(thing(alone), expected, newEvent(event))] })).toMatchObject([
        {
          firstPosition: before + BigInt(index + 1),
          lastPosition: before + BigInt(index + 1),
          versions: [{ stream: thing(alone), version: BigInt(index + 1) }],
        },
      ]);
    }
    await foreseen({ streams: [to(thing(together), 'NO_STREAM', ...events.map(newEvent))] });
    const rows = (id: string) =>
      test.database.query(
        'read',
        `SELECT version, event_type, data, content_type, metadata, tags, schema_version, hash, removed,
                (SELECT array_agg(t.tag ORDER BY t.tag) FROM "${test.schema}".event_tags t WHERE t.position = e.position),
                (SELECT s.version FROM "${test.schema}".streams s WHERE s.aggregate_id = e.aggregate_id)
           FROM "${test.schema}".events e WHERE aggregate_id = $1 ORDER BY e.version`,
        [id],
      );
    expect(await rows(alone)).toEqual(await rows(together));
    expect((await since(before)).map((event) => event.tags)).toEqual([tags, [], tags, []]);
  });

  it.each<Odd>(ODD)('is left to be decided, and leaves nothing behind: %s', async (_, odd) => {
    await test.store.append({ ...creates('there'), onConflict: 'RETURN' });
    const requests = await odd();
    const before = await position();
    for (const request of requests) expect(await foreseen(request)).toBeUndefined();
    expect(await position()).toBe(before);
    expect(await since(before)).toEqual([]);
  });

  it('is written by one of many that expect the same, over several connections', async () => {
    const others = Array.from({ length: 4 }, () => openDatabase());
    const id = randomUUID();
    for (let version = 0n; version < 10n; version++) {
      const before = await position();
      const outcomes = await Promise.all(
        others.map((other) => {
          const expected = version === 0n ? 'NO_STREAM' : version;
          return foreseenOn(other).append(prepared({ streams: [to(thing(id), expected, newEvent())] }));
        }),
      );
      expect(outcomes.filter((outcome) => outcome !== undefined)).toMatchObject([
        [{ firstPosition: before + 1n, versions: [{ version: version + 1n }] }],
      ]);
      expect(await position()).toBe(before + 1n);
    }
    await Promise.all(others.map((other) => other.close()));
  });
});
