import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inject } from 'vitest';
import type { StreamChanged } from '../../src/core/stream-changes.js';
import type { StreamId } from '../../src/core/stream.js';
import { Database } from '../../src/postgres/database.js';
import { sqlstateOf } from '../../src/postgres/sqlstate.js';
import { loaded, newEvent, thing, to } from '../../src/testing/builders.js';
import { FaultProxy, through } from '../support/fault-proxy.js';
import { openTestDatabase, openTestStore, storeOn, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore({ sweep: { intervalMilliseconds: 50 } });
});
afterAll(() => test.close());

const sql = (text: string, values: readonly unknown[] = []) => test.database.query('append', text, values);
const table = (name: string) => `"${test.schema}".${name}`;

async function filled(id: string, events: number, store = test.store): Promise<StreamId> {
  const stream = thing(id);
  for (let done = 0; done < events; done += 500)
    await store.append({
      streams: [
        to(
          stream,
          'ANY',
          ...Array.from({ length: Math.min(500, events - done) }, (_, n) =>
            newEvent({
              json: { secret: `s3cret-${id}-${done + n}` },
              metadata: { who: `s3cret-${id}` },
              tags: [`tag:${id}`],
            }),
          ),
        ),
      ],
    });
  return stream;
}

async function until(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await check()) return;
    await new Promise((go) => setTimeout(go, 25));
  }
  throw new Error('It did not come true within 5 s');
}

const shells = async (stream: StreamId, why: string) =>
  Number(
    (
      await sql(
        `SELECT count(*) FROM ${table('events')} WHERE aggregate_id = $1 AND removed = $2 AND data = '' AND metadata = '{}'`,
        [stream.aggregateId, why],
      )
    )[0]?.[0],
  );

describe('erasing a stream', () => {
  it('leaves nothing of its payloads, metadata and tags in any table when it answers', async () => {
    const stream = await filled('erased', 2200);
    const { version } = await test.store.eraseStream({ stream, expectedVersion: 2200n });
    expect(version).toBe(2201n);
    expect(await shells(stream, 'ERASED')).toBe(2200);
    for (const [name] of await sql(
      `SELECT c.relname FROM pg_class c WHERE c.relnamespace = $1::text::regnamespace AND c.relkind = 'r'`,
      [`"${test.schema}"`],
    )) {
      const [row] = await sql(
        `SELECT count(*) FROM ${table(`"${name}"`)} t
          WHERE t::text LIKE '%s3cret-erased%' OR t::text LIKE '%' || encode('s3cret-erased', 'hex') || '%' OR t::text LIKE '%tag:erased%'`,
      );
      expect(row?.[0], name ?? '').toBe('0');
    }
  });

  it('that was interrupted is finished by the sweep', async () => {
    const stream = await filled('interrupted', 1200);
    const abort = new AbortController();
    const erased = test.store.eraseStream({ stream, expectedVersion: 'ANY' }, { signal: abort.signal });
    await until(async () => (await test.store.getStream(stream)).deletedAt !== undefined);
    abort.abort(new Error('The caller left'));
    await erased.catch(() => undefined);
    await until(async () => (await shells(stream, 'ERASED')) === 1200);
  });

  it('reaches subscribers of other instances: the ring holds no copy', async () => {
    const other = storeOn(test);
    await other.start();
    const stream = await filled('ring', 3);
    const abort = new AbortController();
    const seen: boolean[] = [];
    const follow = (async () => {
      for await (const { events } of other.subscribe(
        { start: { kind: 'BEGINNING' } },
        { signal: abort.signal },
      ))
        for (const event of events) seen.push(event.erased === true);
    })().catch(() => undefined);
    await until(async () => seen.length > 0);
    await test.store.eraseEvents({ stream, expectedVersion: 'ANY', versions: [{ first: 2n, last: 3n }] });
    await test.store.append({ streams: [to(thing('ring-end'), 'ANY', newEvent())] });
    const events = await loaded(other, { scope: { kind: 'STREAM', stream } });
    expect(events.map(({ erased, data }) => [erased === true, data.byteLength > 0])).toEqual([
      [false, true],
      [true, false],
      [true, false],
      [false, true],
    ]);
    abort.abort(new Error('Enough'));
    await follow;
    await other.stop();
  });
});

describe('truncation and retention', () => {
  it('are emptied in the background, in portions, while the stream is appended to', async () => {
    const stream = await filled('truncated', 2600);
    await test.store.truncateStream({ stream, expectedVersion: 2600n, beforeVersion: 2501n });
    const appends = Array.from({ length: 50 }, () =>
      test.store.append({ streams: [to(stream, 'ANY', newEvent())] }),
    );
    await until(async () => (await shells(stream, 'TRUNCATED')) === 2500);
    await Promise.all(appends);
    const [row] = await sql(`SELECT count(*) FROM ${table('event_tags')} WHERE tag = 'tag:truncated'`);
    expect(row?.[0]).toBe('100');
  });

  it('of what expires by number keep the newest, whatever the store adds of its own', async () => {
    const stream = await filled('counted', 20);
    await test.store.setRetention({ stream, expectedVersion: 20n, retention: { maxCount: 5n } });
    await until(async () => (await shells(stream, 'EXPIRED')) === 15);
    const shown = await loaded(test.store, { scope: { kind: 'STREAM', stream } });
    expect(shown.map(({ version }) => version)).toEqual([16n, 17n, 18n, 19n, 20n, 21n]);
    await test.store.setRetention({ stream, expectedVersion: 21n, retention: {} });
    const after = await loaded(test.store, { scope: { kind: 'STREAM', stream } });
    expect(after.map(({ version }) => version)).toEqual([16n, 17n, 18n, 19n, 20n, 21n, 22n]);
  });
});

describe('the sweep', () => {
  it('gives each stream a slice in turn, so that a large erasure keeps no truncation waiting', async () => {
    const other = await openTestDatabase();
    const writer = storeOn(other);
    const sweeper = storeOn(other, { sweep: { statementVersions: 5, share: 0.5 } });
    const left = async (id: string) => (await writer.getStream(thing(id))).erasing;
    try {
      // The erasure comes first by name, and takes two hundred statements.
      const [large, small] = [await filled('a', 1000, writer), await filled('b', 100, writer)];
      await writer.deleteStream({ stream: large, expectedVersion: 'ANY' });
      await other.database.query(
        'append',
        `UPDATE "${other.schema}".streams SET erase_before = version WHERE aggregate_id = 'a'`,
        [],
      );
      await sweeper.start();
      await until(async () => (await left('a')) < 1000n);
      // Comes while a pass is under way, and is not in it.
      await sweeper.truncateStream({ stream: small, expectedVersion: 'ANY', beforeVersion: 11n });
      let seen = 0n;
      await until(async () => {
        seen = await left('a');
        const whole = await loaded(writer, { filters: [{ tags: ['tag:b'] }] });
        return whole.length === 90;
      });
      expect(seen).toBeGreaterThan(0n);
      await until(async () => (await left('a')) === 0n);
    } finally {
      await sweeper.stop();
      await writer.stop();
      await other.close();
    }
  });
});

describe('what may change an event', () => {
  it('is nothing but emptying it, for the owner of the tables too', async () => {
    const stream = await filled('owner', 2);
    const where = `WHERE aggregate_id = '${stream.aggregateId}' AND version = 1`;
    for (const statement of [
      `UPDATE ${table('events')} SET data = 'x' ${where}`,
      `UPDATE ${table('events')} SET data = '', content_type = '', metadata = '{}', tags = '{}', removed = 'ERASED' ${where}`,
      `DELETE FROM ${table('events')} ${where}`,
      `DELETE FROM ${table('event_tags')} WHERE tag = 'tag:owner'`,
    ])
      await expect(sql(statement)).rejects.toThrow('append-only');
    for (const change of [
      `data = 'x', content_type = '', metadata = '{}', tags = '{}', removed = 'ERASED'`,
      `data = '', content_type = '', metadata = '{}', tags = '{}', removed = 'ERASED', hash = ''`,
      `data = '', content_type = '', metadata = '{}', tags = '{}', removed = 'ERASED', position = position + 1000000`,
      `data = '', content_type = '', metadata = '{}', tags = '{}'`,
    ])
      await expect(
        test.database.withSession(async (session) => {
          await session.query(`SET headwater.emptying = 'on'`);
          await session.query(`UPDATE ${table('events')} SET ${change} ${where}`);
        }),
      ).rejects.toThrow('append-only');
  });

  it('cannot be done by who may append', async () => {
    const stream = await filled('writer', 1);
    const role = `writer_${test.schema}`;
    await sql(`CREATE ROLE ${role} NOLOGIN IN ROLE headwater_writer`);
    try {
      for (const statement of [
        `SELECT ${table('empty_events')}('Thing', '${stream.aggregateId}', 1, 1, 'ERASED')`,
        `UPDATE ${table('events')} SET data = ''`,
        `DELETE FROM ${table('event_tags')}`,
        `TRUNCATE ${table('events')}`,
      ])
        await expect(
          test.database.withSession(async (session) => {
            await session.query(`SET ROLE ${role}`);
            await session.query(`SET headwater.emptying = 'on'`);
            await session.query(statement);
          }),
        ).rejects.toThrow('permission denied');
    } finally {
      await sql(`DROP ROLE ${role}`);
    }
  });
});

describe('a change that the server undoes, since it and the sweep wait for each other', () => {
  it('is tried again', async () => {
    // Whoever has waited for a second finds the deadlock and is undone. Should it be the session, it was too slow.
    let erased: StreamChanged | undefined;
    for (let attempt = 1; erased === undefined; attempt++) {
      const stream = await filled(`crossed-${attempt}`, 3);
      erased = await crossed(stream).catch((error: unknown) => {
        if (attempt < 5 && sqlstateOf(error) === '40P01') return undefined;
        throw error;
      });
      if (erased) expect(await shells(stream, 'ERASED')).toBe(1);
    }
    expect(erased).toMatchObject({ version: 4n, deduplicated: false });
  });

  /** As the sweep does it: the events first, and then the stream. */
  function crossed(stream: StreamId): Promise<StreamChanged> {
    const of = `aggregate_type = '${stream.aggregateType}' AND aggregate_id = '${stream.aggregateId}'`;
    const isWaiting = async () =>
      (
        await sql(
          `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%"${test.schema}".change_stream(%'`,
        )
      ).length > 0;
    return test.database.withSession(async (session) => {
      await session.query('BEGIN');
      await session.query(`SELECT FROM ${table('events')} WHERE ${of} FOR UPDATE`);
      const erasing = test.store.eraseEvents({
        stream,
        expectedVersion: 3n,
        versions: [{ first: 1n, last: 1n }],
      });
      await until(isWaiting);
      await session.query(`UPDATE ${table('streams')} SET swept_before = swept_before WHERE ${of}`);
      await session.query('COMMIT');
      return erasing;
    });
  }
});

describe('a change whose answer is lost', () => {
  it('is made once, and its caller learns of it', async () => {
    const proxy = await FaultProxy.before(inject('connection'));
    const database = new Database({ connection: through(proxy, inject('connection')) });
    const store = storeOn({ database, schema: test.schema });
    try {
      const stream = await filled('lost', 3);
      proxy.loseNextReplyTo('change_stream');
      const changed = await store.deleteStream({ stream, expectedVersion: 3n });
      expect(proxy.lost).toBe(1);
      expect(changed).toMatchObject({ version: 4n, deduplicated: true });
      const again = await test.store.deleteStream({ stream, expectedVersion: 3n, eventId: changed.eventId });
      expect(again).toEqual(changed);
    } finally {
      await database.close();
      await proxy.close();
    }
  });
});

describe('a repeat', () => {
  it('writes to the head, so that its commit waits for the standbys as the first one did', async () => {
    const request = {
      streams: [
        to(thing('repeat'), 'NO_STREAM', newEvent({ eventId: '0190a000-0000-7000-8000-0000000000bb' })),
      ],
    };
    await test.store.append(request);
    const [before] = await sql(`SELECT xmin::text, position FROM ${table('log_head')}`);
    await test.store.append(request);
    const [after] = await sql(`SELECT xmin::text, position FROM ${table('log_head')}`);
    expect(after?.[1]).toBe(before?.[1]);
    expect(after?.[0]).not.toBe(before?.[0]);
  });
});
