import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database, Row } from '../../src/postgres/database.js';
import { migrate } from '../../src/postgres/migrate.js';
import { migrations } from '../../src/postgres/sql-files.js';
import { jsonOf, loaded, newEvent, thing, to } from '../../src/testing/builders.js';
import { newSchemaName, openDatabase, storeOn } from '../support/test-database.js';

const EVENTS = 3000;

let database: Database;
const schema = newSchemaName();
let before: readonly Row[];

const EVERYTHING = `SELECT position, aggregate_type, aggregate_id, version, event_id, event_type, encode(data, 'hex'),
  content_type, metadata, tags, schema_version, recorded_at, encode(hash, 'hex'), ends_append
  FROM "${schema}".events ORDER BY position`;

/** The schema as the first version made it, with events that its own append function wrote. */
beforeAll(async () => {
  database = openDatabase();
  const [first] = await migrations();
  const functions = await readFile(path.join(import.meta.dirname, 'first-release/functions.sql'), 'utf8');
  await database.withSession(async (session) => {
    await session.query(`CREATE SCHEMA "${schema}"`);
    await session.query(
      `CREATE TABLE "${schema}".schema_migrations (number integer PRIMARY KEY, name text NOT NULL, digest text NOT NULL,
         applied_at timestamptz NOT NULL DEFAULT now());
       COMMENT ON TABLE "${schema}".schema_migrations IS 'Headwater: of the first version'`,
    );
    await session.query(first?.for(schema) ?? '');
    await session.query(functions.replaceAll(':schema', `"${schema}"`));
    await session.query(`INSERT INTO "${schema}".schema_migrations VALUES (1, $1, $2)`, [
      first?.name,
      first?.digest,
    ]);
    await session.query(`SELECT * FROM "${schema}".open_log()`);
    for (let done = 0; done < EVENTS; done += 100) {
      const data = Array.from({ length: 100 }, (_, n) => JSON.stringify({ n: done + n }));
      await session.query(
        `SELECT * FROM "${schema}".append(
           ARRAY['Thing'], ARRAY[$1::text], ARRAY[1], ARRAY[1], ARRAY[-2::bigint], ARRAY[100],
           array_fill(1, ARRAY[100]), $2::uuid[], array_fill('Happened'::text, ARRAY[100]),
           (SELECT array_agg(convert_to(d, 'UTF8') ORDER BY p) FROM unnest($3::text[]) WITH ORDINALITY n (d, p)),
           (SELECT array_agg(sha256(convert_to(d, 'UTF8')) ORDER BY p) FROM unnest($3::text[]) WITH ORDINALITY n (d, p)),
           array_fill('application/json'::text, ARRAY[100]), array_fill('{"who":"ada"}'::jsonb, ARRAY[100]),
           array_fill('{batch:1}'::text, ARRAY[100]), array_fill(1, ARRAY[100]))`,
        [`old-${(done / 100) % 7}`, data.map((_, n) => idOf(done + n)), data],
      );
    }
  });
  before = await database.query('read', EVERYTHING, []);
});

afterAll(async () => {
  await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
  await database.close();
});

function idOf(n: number): string {
  const hex = createHash('sha256').update(`event ${n}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

describe('a filled schema of the first version', () => {
  it('is brought to this one without a change to any event', async () => {
    const { applied } = await migrate(database, schema);
    expect(applied).toEqual((await migrations()).slice(1).map(({ name }) => name));
    expect(await database.query('read', EVERYTHING, [])).toEqual(before);
    expect(before.length).toBe(EVENTS);
  });

  it('reads, takes repeats of its old appends, goes on, and can be changed', async () => {
    const store = storeOn({ database, schema });
    await store.start();
    const stream = thing('old-1');
    const events = await loaded(store, { scope: { kind: 'STREAM', stream } });
    expect(events.length).toBe(500);
    const repeat = await store.append({
      streams: [
        to(
          stream,
          'NO_STREAM',
          ...events.slice(0, 100).map((event) => newEvent({ eventId: event.eventId, json: jsonOf(event) })),
        ),
      ],
    });
    expect(repeat).toMatchObject({ deduplicated: true, firstPosition: 101n, lastPosition: 200n });
    const { lastPosition } = await store.append({ streams: [to(stream, 500n, newEvent())] });
    expect(lastPosition).toBe(BigInt(EVENTS + 1));
    await store.truncateStream({ stream, expectedVersion: 501n, beforeVersion: 400n });
    await store.eraseStream({ stream: thing('old-2'), expectedVersion: 'ANY' });
    const shown = await loaded(store, { scope: { kind: 'STREAM', stream } });
    expect(shown[0]?.version).toBe(400n);
    await store.stop();
  });

  it('is left alone by the next start', async () => {
    expect(await migrate(database, schema)).toMatchObject({ applied: [], functionsReplaced: false });
  });
});

describe('an instance of the first version that still runs', () => {
  it('cannot append any more: it knows nothing of deleted streams', async () => {
    const old = database.query('append', `SELECT * FROM "${schema}".append(${"'{}', ".repeat(14)}'{}')`, []);
    await expect(old).rejects.toThrow('does not exist');
  });
});
