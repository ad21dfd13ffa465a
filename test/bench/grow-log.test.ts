import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { GROWN, growLog } from '../../bench/grow-log.js';
import { StreamWalk } from '../../bench/workload.js';
import type { Event } from '../../src/core/event.js';
import { streamKey } from '../../src/core/stream.js';
import { eventsOf } from '../../src/core/load.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

/** More than two transactions of the filler, the last one not full. */
const EVENTS = 105_000n;
const OWN = 7n;

let test: TestStore;
let client: pg.Client;
let events: Event[];
beforeAll(async () => {
  test = await openTestStore();
  client = new pg.Client(inject('connection'));
  await client.connect();
  const walk = new StreamWalk();
  for (let i = 0n; i < OWN; i++) await test.store.append(walk.request());
  await growLog(client, test.schema, Number(EVENTS));
  events = [];
  for await (const event of eventsOf(test.store.load({}))) events.push(event);
}, 60_000);
afterAll(async () => {
  await client.end();
  await test.close();
});

/** The grown event in the middle with tags, and the stream's state behind it. */
function someTagged(): Event {
  const event = events.find(({ position, tags }) => position > EVENTS / 2n && tags.length > 0);
  if (event === undefined) throw new Error('No event has tags');
  return event;
}

describe('a log that was grown', () => {
  it('has every position once, every version of each stream once, and times that never go back', () => {
    expect(events.map(({ position }) => position)).toEqual(
      Array.from({ length: Number(EVENTS) }, (_, index) => BigInt(index + 1)),
    );
    const versions = new Map<string, bigint>();
    let former = 0n;
    for (const { stream, version, recordedAt } of events) {
      const key = streamKey(stream);
      if (version !== (versions.get(key) ?? 0n) + 1n || recordedAt < former)
        expect.fail(`${key} ${version} at ${recordedAt} after ${versions.get(key)} at ${former}`);
      versions.set(key, version);
      former = recordedAt;
    }
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(Number(EVENTS));
    expect(former).toBeLessThanOrEqual(BigInt(Date.now()) * 1000n);
  });

  it('says of streams and of itself what its events say', async () => {
    const [row] = await test.database.query(
      'read',
      `WITH s AS (SELECT aggregate_type, aggregate_id, max(version) AS version, min(recorded_at) AS created_at,
                         max(recorded_at) AS updated_at
                    FROM "${test.schema}".events GROUP BY 1, 2)
       SELECT (SELECT count(*) FROM s),
              (SELECT count(*) FROM s NATURAL JOIN "${test.schema}".streams t
                WHERE t.deleted_at IS NULL AND t.hidden_before = 1 AND t.system_versions = '{}'),
              (SELECT count(*) FROM "${test.schema}".streams),
              (SELECT count(*) FROM (SELECT position, unnest(tags) AS tag FROM "${test.schema}".events
                                     EXCEPT SELECT position, tag FROM "${test.schema}".event_tags) missing),
              (SELECT sum(cardinality(tags)) FROM "${test.schema}".events) - (SELECT count(*) FROM "${test.schema}".event_tags)`,
      [],
    );
    const [streams, agreeing, known, missing, more] = (row ?? []).map(Number);
    expect(streams).toBeGreaterThan(5_000);
    expect([agreeing, known, missing, more]).toEqual([streams, streams, 0, 0]);
    expect(await test.store.head()).toMatchObject({ position: EVENTS });
    const types = await test.store.listAggregateTypes();
    expect(types.aggregateTypes.map(({ aggregateType }) => aggregateType)).toEqual([...GROWN.aggregateTypes]);
    expect(types.aggregateTypes.reduce((sum, type) => sum + type.events, 0n)).toBe(EVENTS);
  });

  it('has columns that cannot be told from those of the service', async () => {
    const shapes = await test.database.query(
      'read',
      `SELECT position <= $1::bigint, count(DISTINCT (
                length(aggregate_id), length(event_type) > 0, octet_length(data), content_type, jsonb_typeof(metadata),
                (SELECT count(*) FROM jsonb_object_keys(metadata)), schema_version, octet_length(hash), ends_append,
                removed, substr(event_id::text, 15, 1), substr(aggregate_id, 15, 1), hash = sha256(data))),
              min(ROW(length(aggregate_id), octet_length(data), content_type, schema_version, octet_length(hash),
                ends_append, removed, substr(event_id::text, 15, 1), substr(aggregate_id, 15, 1), hash = sha256(data))::text)
         FROM "${test.schema}".events GROUP BY 1 ORDER BY 1`,
      [String(OWN)],
    );
    expect(shapes.map(([, kinds]) => kinds)).toEqual(['1', '1']);
    expect(shapes[0]?.[2]).toBe(shapes[1]?.[2]);
  });

  it('goes on where it ended: versions are checked, repeats known, conditions find tags', async () => {
    const event = someTagged();
    const { stream, tags } = event;
    const { version } = await test.store.getStream(stream);
    const next = { eventType: 'Next', data: Buffer.from('{}') };
    const append = (expectedVersion: bigint) =>
      test.store.append({ streams: [{ stream, expectedVersion, events: [next] }], onConflict: 'RETURN' });
    expect(await append(version - 1n)).toMatchObject({
      outcome: 'REFUSED',
      conflicts: [{ actual: version }],
    });
    expect(await append(version)).toMatchObject({ outcome: 'APPENDED', firstPosition: EVENTS + 1n });

    const { eventId, eventType, data } = event;
    expect(createHash('sha256').update(data).digest()).toHaveLength(32);
    const again = await test.store.append({
      streams: [{ stream, expectedVersion: 'ANY', events: [{ eventId, eventType, data }] }],
    });
    expect(again).toMatchObject({ deduplicated: true, firstPosition: event.position });

    const elsewhere = { aggregateType: 'Elsewhere', aggregateId: 'one' };
    const onTags = (after: bigint) =>
      test.store.append({
        streams: [{ stream: elsewhere, expectedVersion: 'ANY', events: [next] }],
        condition: { items: [{ tags }], after: { position: after, epoch: 1n } },
        onConflict: 'RETURN',
      });
    expect(await onTags(event.position - 1n)).toMatchObject({
      outcome: 'REFUSED',
      conditionFailedAt: event.position,
    });
    const last = events.findLast(({ tags: some }) => tags.every((tag) => some.includes(tag)));
    expect(await onTags(last?.position ?? 0n)).toMatchObject({ outcome: 'APPENDED' });
  });
});
