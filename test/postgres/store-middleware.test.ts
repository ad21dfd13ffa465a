import { randomBytes } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AppendRequestSchema, EventStoreService } from '../../gen/headwater/v1/event_store_service_pb.js';
import { audited, encrypting, signed } from '../../examples/store-middleware.js';
import { connect } from '../../src/client/connect.js';
import type { EventStoreClient } from '../../src/client/event-store-client.js';
import { AppendRefusedError, EventIdReusedError } from '../../src/core/errors.js';
import type { Event } from '../../src/core/event.js';
import type { LoadPage } from '../../src/core/load.js';
import type { MiddlewareOptions } from '../../src/core/middleware-failures.js';
import { withMiddleware } from '../../src/core/middleware-store.js';
import type { StoreMiddleware } from '../../src/core/store-middleware.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, eventId, jsonOf, loaded, newEvent, thing, to } from '../../src/testing/builders.js';
import { toWireAppendRequest } from '../../src/wire/append.js';
import { failureOf, startService, type TestService, unary } from '../grpc/service.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

const key = randomBytes(32);
const metadata = { actor: 'ada' };
const reported: unknown[] = [];
const reporting: MiddlewareOptions = { onAfterAppendFailure: (error) => reported.push(error) };

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

/** A client of a service whose store has the middleware. */
async function serving(
  ...middleware: StoreMiddleware[]
): Promise<{ readonly client: EventStoreClient; readonly service: TestService }> {
  const service = await startService(withMiddleware(test.store, middleware, reporting));
  const { eventStore, close } = connect({ address: service.address });
  onTestFinished(close);
  return { client: eventStore, service };
}

const streamOf = (aggregateId: string) => ({ kind: 'STREAM', stream: thing(aggregateId) }) as const;

async function rowsOf(aggregateId: string): Promise<readonly (readonly [string, string])[]> {
  const rows = await test.database.query(
    'read',
    `SELECT encode(data, 'escape'), content_type FROM "${test.schema}".events
      WHERE aggregate_id = $1 ORDER BY position`,
    [aggregateId],
  );
  return rows.map(([data, contentType]) => [data ?? '', contentType ?? '']);
}

describe('middleware of the store, behind gRPC', () => {
  it('encrypts what is in the table, and nobody who reads can tell', async () => {
    const { client } = await serving(encrypting(key));
    const request = appendTo(thing('secret'), newEvent({ json: { iban: 'DE02' }, metadata }));
    const { lastPosition, epoch } = await client.append(request);
    const [[data, contentType] = []] = await rowsOf('secret');
    expect(data).not.toContain('DE02');
    expect(contentType).toBe('application/x-encrypted; of=application/json');

    const [event] = await loaded(client, { scope: streamOf('secret') });
    expect(event && jsonOf(event)).toEqual({ iban: 'DE02' });
    expect(event?.contentType).toBe('application/json');

    const start = { kind: 'AFTER', after: { position: lastPosition - 1n, epoch } } as const;
    const live = client.append(appendTo(thing('secret'), newEvent({ json: { iban: 'DE03' }, metadata })));
    const followed: unknown[] = [];
    for await (const { events } of client.subscribe({ scope: streamOf('secret'), start })) {
      followed.push(...events.map(jsonOf));
      if (followed.length === 2) break;
    }
    await live;
    expect(followed).toEqual([{ iban: 'DE02' }, { iban: 'DE03' }]);
  });

  it('may look at the events of pages that have left long ago', async () => {
    const seen: LoadPage[] = [];
    const { client } = await serving({
      name: 'seeing',
      load: (next) =>
        async function* (request, options) {
          for await (const page of next(request, options)) {
            yield page;
            seen.push(page);
          }
        },
    });
    const stream = thing('seen');
    const data = Array.from({ length: 400 }, (_, index) => Buffer.alloc(1000, index % 251));
    await client.append({ streams: [to(stream, 'ANY', ...data.map((bytes) => newEvent({ data: bytes })))] });
    const scope = streamOf('seen');
    const got = await loaded(client, { scope });
    // In whose memory the pages of another would be.
    await loaded(client, {});
    const plain = (events: readonly Event[]) =>
      events.map((event) => ({ ...event, data: Buffer.from(event.data) }));
    expect(plain(got).map((event) => event.data)).toEqual(data);
    const ofStream = seen
      .flatMap(({ events }) => events)
      .filter((event) => event.stream.aggregateId === 'seen');
    expect(plain(ofStream.slice(0, data.length))).toEqual(plain(got));
  });

  it('shows the events that come with a refusal in plain', async () => {
    const { client } = await serving(encrypting(key));
    await client.append(appendTo(thing('refusal'), newEvent({ json: { step: 1 } })));
    const refused = await client.append({
      streams: [to(thing('refusal'), 'NO_STREAM', newEvent())],
      onConflict: 'RETURN',
      interveningBytes: 10_000,
    });
    expect(refused.outcome === 'REFUSED' && refused.intervening?.events.map(jsonOf)).toEqual([{ step: 1 }]);
  });

  it('finds a repeat although it is encrypted anew, and tells another payload from it', async () => {
    const { client } = await serving(encrypting(key));
    const append = (json: object) =>
      client.append(appendTo(thing('repeat'), newEvent({ json, eventId: eventId(901) })));
    const first = await append({ amount: 1 });
    const repeat = await append({ amount: 1 });
    expect(repeat).toEqual({ ...first, deduplicated: true });
    await expect(append({ amount: 2 })).rejects.toBeInstanceOf(EventIdReusedError);
    expect(await rowsOf('repeat')).toHaveLength(1);
  });

  it('refuses with FAILED_PRECONDITION, the reason APPEND_REFUSED and its name', async () => {
    const { client, service } = await serving(signed);
    const request = appendTo(thing('unsigned'), newEvent());
    const message = 'Happened must say in metadata who the actor is';
    const raw = await failureOf(
      unary(
        service.raw,
        EventStoreService.method.append,
        create(AppendRequestSchema, toWireAppendRequest(request)),
      ),
    );
    expect(raw.code).toBe(9);
    expect(raw.error).toMatchObject({ reason: 'APPEND_REFUSED', middleware: 'signed', message });
    const failure = client.append(request);
    await expect(failure).rejects.toBeInstanceOf(AppendRefusedError);
    await expect(failure).rejects.toMatchObject({ middleware: 'signed', message, outcome: 'NOT_APPLIED' });
    expect(await rowsOf('unsigned')).toEqual([]);
  });

  it('a mistake in it is INTERNAL with an id, and nothing of it leaks', async () => {
    const { client, service } = await serving({
      name: 'broken',
      beforeAppend: () => {
        throw new TypeError('the secret of ada');
      },
    });
    const failure = client.append(appendTo(thing('broken'), newEvent()));
    await expect(failure).rejects.toMatchObject({ reason: 'INTERNAL', outcome: 'NOT_APPLIED' });
    expect(JSON.stringify(await failure.catch(String))).not.toContain('secret');
    expect(JSON.stringify(service.logged)).not.toContain('secret');
    expect(await rowsOf('broken')).toEqual([]);
  });

  it('is told of each append once it is committed, and cannot undo it', async () => {
    const lines: string[] = [];
    const { client } = await serving(
      audited((line) => {
        lines.push(line);
        throw new Error('The disk is full');
      }),
    );
    const append = () =>
      client.append(
        appendTo(thing('audited'), newEvent({ eventId: eventId(902) }), newEvent({ eventId: eventId(903) })),
      );
    const { lastPosition } = await append();
    await append();
    expect(lines).toEqual([`2 events up to position ${lastPosition}`]);
    expect(reported).toEqual([new Error('The disk is full')]);
    expect(await rowsOf('audited')).toHaveLength(2);
  });

  it('keeps the order of one pipelined call, though it takes less and less time', async () => {
    let takes = 20;
    const { client } = await serving({
      name: 'ever quicker',
      beforeAppend: async (event) => {
        await systemRuntime.sleep(Math.max(0, (takes -= 2)));
        return event;
      },
    });
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    await Promise.all(
      numbers.map((number) => client.append(appendTo(thing('ordered'), newEvent({ json: { number } })))),
    );
    const events = await loaded(client, { scope: streamOf('ordered') });
    expect(events.map(jsonOf)).toEqual(numbers.map((number) => ({ number })));
  });

  it('leaves changes of streams alone, and does not choke on their events', async () => {
    const { client } = await serving(encrypting(key), signed);
    await client.append(appendTo(thing('gone'), newEvent({ metadata }), newEvent({ metadata })));
    const versions = [{ first: 1n, last: 1n }];
    await client.eraseEvents({ stream: thing('gone'), expectedVersion: 2n, versions });
    await client.deleteStream({ stream: thing('gone'), expectedVersion: 3n });
    const events = await loaded(client, { scope: streamOf('gone'), includeDeleted: true });
    expect(events.map(({ eventType, erased }) => (erased ? 'erased' : eventType))).toEqual([
      'erased',
      'Happened',
      '$events-erased',
      '$stream-deleted',
    ]);
  });
});
