import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../src/client/connect.js';
import type { EventStore } from '../../src/core/event-store.js';
import type { SubscriptionMessage } from '../../src/core/subscribe.js';
import { type CrashablePostgres, startCrashablePostgres } from '../support/crashable-postgres.js';
import { Database } from '../../src/postgres/database.js';
import { serve } from './service.js';

let postgres: CrashablePostgres;
beforeAll(async () => {
  postgres = await startCrashablePostgres();
});
afterAll(async () => {
  await postgres.close();
});

const stream = { aggregateType: 'Account', aggregateId: '1' };
const eventId = '0197f3a0-0000-7000-8000-000000000001';

function append(store: EventStore, data: string, id?: string) {
  const event = { eventType: 'Moved', data: Buffer.from(data), ...(id === undefined ? {} : { eventId: id }) };
  return store.append({ streams: [{ stream, expectedVersion: 'ANY', events: [event] }] });
}

async function dataIn(store: EventStore): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { events } of store.load({ scope: { kind: 'STREAM', stream } }))
    found.push(...events.map(({ data }) => Buffer.from(data).toString()));
  return found;
}

/** Takes messages until there is an event. */
async function firstEvent(messages: AsyncIterable<SubscriptionMessage>): Promise<string> {
  for await (const { events } of messages) for (const { data } of events) return Buffer.from(data).toString();
  return 'none';
}

describe('two namespaces of one service', () => {
  it('hold the same ids and streams without seeing each other', async () => {
    const { connection, service } = await serve(postgres.url);
    for (const name of ['red', 'blue']) await connection.namespaces.create(name);
    const red = connection.namespace('red').eventStore;
    const blue = connection.namespace('blue').eventStore;
    const live = firstEvent(red.subscribe({}));
    // The same id with other data is another event there.
    expect(await append(blue, 'blue', eventId)).toMatchObject({ firstPosition: 1n, deduplicated: false });
    expect(await append(red, 'red', eventId)).toMatchObject({ firstPosition: 1n, deduplicated: false });
    expect(await append(red, 'red', eventId)).toMatchObject({ firstPosition: 1n, deduplicated: true });
    expect(await live).toBe('red');
    expect([await dataIn(red), await dataIn(blue)]).toEqual([['red'], ['blue']]);
    await red.deleteStream({ stream, expectedVersion: 'ANY' });
    await expect(dataIn(red)).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
    expect(await dataIn(blue)).toEqual(['blue']);
    expect((await blue.getLog()).position).toBe(1n);
    await expect(dataIn(connection.eventStore)).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
    expect((await connection.namespace('blue').info()).namespace).toBe('blue');
    expect((await connection.info()).namespace).toBe('headwater');
    const about = connect({ address: service.grpcAddress, namespace: 'blue' });
    onTestFinished(() => about.close());
    expect(await dataIn(about.eventStore)).toEqual(['blue']);
  });

  it('are ended one by one: a drop ends calls about it, and leaves the others', async () => {
    const { connection } = await serve(postgres.url);
    for (const name of ['kept', 'dropped']) await connection.namespaces.create(name);
    const kept = connection.namespace('kept').eventStore;
    const dropped = connection.namespace('dropped').eventStore;
    await Promise.all([append(kept, '1'), append(dropped, '1')]);
    const ended = (async () => {
      for await (const message of dropped.subscribe({})) void message;
    })();
    ended.catch(() => undefined);
    const going = (async () => {
      for await (const { events } of kept.subscribe({ start: { kind: 'END' } }))
        if (events.length > 0) return 'on';
      return 'ended';
    })();
    await expect(connection.namespaces.drop('dropped', { confirm: 'droped' })).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
    });
    const { bytes } = await connection.namespaces.drop('dropped', { confirm: 'dropped' });
    expect(bytes).toBeGreaterThan(0n);
    await expect(ended).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND', namespace: 'dropped' });
    await expect(append(dropped, '2')).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    await append(kept, '2');
    expect(await going).toBe('on');
    // The pipelined call of the old one is over, so the new one is met at once.
    await connection.namespaces.create('dropped');
    expect(await append(dropped, '3')).toMatchObject({ firstPosition: 1n });
  });

  it('are known to two instances: what one drops, the other ends soon', async () => {
    const [one, two] = [await serve(postgres.url), await serve(postgres.url)];
    await one.connection.namespaces.create('common');
    const elsewhere = two.connection.namespace('common').eventStore;
    await append(elsewhere, '1');
    const ended = (async () => {
      for await (const message of elsewhere.subscribe({})) void message;
    })();
    ended.catch(() => undefined);
    await one.connection.namespaces.drop('common', { confirm: 'common' });
    await expect(ended).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    await expect(append(elsewhere, '2')).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    await expect(dataIn(elsewhere)).rejects.toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
  });
});

describe('thirty namespaces at once', () => {
  it('are served over a bounded number of connections', async () => {
    const { connection } = await serve(postgres.url, { readConnections: 4, appendConnections: 4 });
    const names = Array.from({ length: 30 }, (_, index) => `tenant_${index}`);
    await Promise.all(names.map((name) => connection.namespaces.create(name)));
    const database = new Database({ connection: postgres.connection });
    onTestFinished(() => database.close());
    const connections = async () => {
      const [[count] = []] = await database.query(
        'append',
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'headwater'",
        [],
      );
      return Number(count);
    };
    let most = 0;
    let working = true;
    const counting = (async () => {
      while (working) most = Math.max(most, await connections());
    })();
    await Promise.all(
      names.map(async (name) => {
        const store = connection.namespace(name).eventStore;
        const live = firstEvent(store.subscribe({}));
        for (let index = 0; index < 5; index++) await append(store, name);
        expect(await live).toBe(name);
        expect(await dataIn(store)).toEqual(Array.from({ length: 5 }, () => name));
      }),
    );
    working = false;
    await counting;
    // Four read, four append, one listens, at most four open a namespace, and one is the test's own.
    expect(most).toBeLessThanOrEqual(14);
  }, 60_000);

  it('are no more than the service may hold', async () => {
    const { connection, service } = await serve(postgres.url, { maxNamespaces: 2 });
    const brief = connect({ address: service.grpcAddress, timeoutMs: 3000 });
    onTestFinished(() => brief.close());
    for (const name of ['first', 'second']) await connection.namespaces.create(name);
    await append(brief.namespace('first').eventStore, '1');
    await expect(brief.namespace('second').info()).rejects.toMatchObject({
      reason: 'OVERLOADED',
      limit: 'max_namespaces',
    });
    expect((await brief.info()).namespace).toBe('headwater');
  });
});

describe('a namespace on another Postgres', () => {
  it('is placed there, and alone is unavailable while that is away', async () => {
    const other = await startCrashablePostgres();
    onTestFinished(() => other.close());
    const { connection, service } = await serve(postgres.url, { placements: [`far=${other.url}`] });
    expect(await connection.namespaces.create('far')).toEqual({
      name: 'far',
      default: false,
      placement: 'far',
    });
    await connection.namespaces.create('near');
    const far = connection.namespace('far').eventStore;
    const near = connection.namespace('near').eventStore;
    await Promise.all([append(far, 'far'), append(near, 'near')]);
    const there = new Database({ connection: other.connection });
    expect(await there.query('read', 'SELECT count(*) FROM far.events', [])).toEqual([['1']]);
    await there.close();
    expect((await connection.namespaces.list()).namespaces.map(({ name }) => name)).toContain('far');

    const followed: string[] = [];
    const following = (async () => {
      for await (const { events } of far.subscribe({})) {
        followed.push(...events.map(({ data }) => Buffer.from(data).toString()));
        if (followed.length === 2) return;
      }
    })();
    await other.kill();
    const impatient = connect({ address: service.grpcAddress, timeoutMs: 300 });
    onTestFinished(() => impatient.close());
    await expect(dataIn(impatient.namespace('far').eventStore)).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
    });
    await expect(impatient.namespaces.list()).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    await append(near, 'near');
    expect(await dataIn(near)).toEqual(['near', 'near']);
    expect((await fetch(`${service.httpAddress}/readyz`)).status).toBe(200);

    await other.restart();
    await append(far, 'again');
    await following;
    expect(followed).toEqual(['far', 'again']);
    expect((await connection.namespaces.list()).namespaces.map(({ name }) => name)).toContain('far');
    await connection.namespaces.drop('far', { confirm: 'far' });
    await connection.namespaces.drop('near', { confirm: 'near' });
  }, 60_000);

  it('does not keep the service from starting when that is away, and is there once it is', async () => {
    const other = await startCrashablePostgres();
    onTestFinished(() => other.close());
    await other.kill();
    const { connection, service } = await serve(postgres.url, { placements: [`late=${other.url}`] });
    const impatient = connect({ address: service.grpcAddress, timeoutMs: 300 });
    onTestFinished(() => impatient.close());
    await expect(append(impatient.namespace('late').eventStore, '1')).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
    });
    await other.restart();
    await connection.namespaces.create('late');
    expect(await append(connection.namespace('late').eventStore, '1')).toMatchObject({ firstPosition: 1n });
  }, 60_000);

  it('cannot be the default, and says so at the start', async () => {
    await expect(serve(postgres.url, { placements: ['headwater=postgres://u:secret@db/x'] })).rejects.toThrow(
      /^(?!.*secret).*headwater is the default and has a placement/,
    );
  });
});
