import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { InvalidRequestError } from '../../src/core/errors.js';
import type { Event, NewEvent } from '../../src/core/event.js';
import { type DecodedBy, eventTypes } from '../../src/core/event-types.js';
import { json } from '../../src/core/json-codec.js';
import { eventsOf, type LoadPage } from '../../src/core/load.js';
import {
  PayloadError,
  SchemaVersionTooNewError,
  UnknownEventTypeError,
} from '../../src/core/payload-errors.js';
import { into } from '../../src/core/upcasting.js';
import { storedEvent } from './events.js';

const Opened = z.object({ owner: z.string(), currency: z.string().length(3).default('EUR') });

const account = eventTypes()
  .register('AccountOpened', {
    schemaVersion: 3,
    codec: json(Opened),
    upcasters: {
      1: ({ name }: { name: string }) => ({ owner: name }),
      2: (payload: { owner: string }, { metadata }) => ({ ...payload, currency: metadata['currency'] }),
    },
  })
  .register('Deposited', { codec: json<{ amount: number }>() });

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const stored = (eventType: string, schemaVersion: number, value: unknown, fields: Partial<Event> = {}) =>
  storedEvent({ eventType, schemaVersion, data: bytes(value), ...fields });
/** An encoded event as the store gives it back. */
const afterStoring = (event: NewEvent) => storedEvent(event as Partial<Event>);

function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('It did not throw');
}

describe('an event type registry', () => {
  it('writes a payload as an event to append, and reads it back', () => {
    const event = account.encode(
      'AccountOpened',
      { owner: 'ada' },
      { tags: ['owner:ada'], metadata: { actor: 'ada' } },
    );
    expect(event).toEqual({
      eventType: 'AccountOpened',
      data: bytes({ owner: 'ada' }),
      contentType: 'application/json',
      schemaVersion: 3,
      tags: ['owner:ada'],
      metadata: { actor: 'ada' },
    });
    expect(account.decode(afterStoring(event)).payload).toEqual({ owner: 'ada', currency: 'EUR' });
  });

  it('gives an old event in the newest shape, by one step after the other', () => {
    const decoded = account.decode(
      stored('AccountOpened', 1, { name: 'ada' }, { metadata: { currency: 'SEK' }, position: 7n }),
    );
    expect(decoded).toMatchObject({
      eventType: 'AccountOpened',
      schemaVersion: 3,
      position: 7n,
      payload: { owner: 'ada', currency: 'SEK' },
    });
  });

  it('is immutable: who registers more does not change it for others', () => {
    const more = account.register('Closed', { codec: json<{ reason: string }>() });
    expect(more.decode(stored('Closed', 1, { reason: 'moved' })).payload).toEqual({ reason: 'moved' });
    expect(thrown(() => account.decode(stored('Closed', 1, {})))).toBeInstanceOf(UnknownEventTypeError);
  });

  it('decodes page by page, without asking for more than is read', async () => {
    let given = 0;
    async function* pages(): AsyncGenerator<LoadPage> {
      for (let position = 1n; ; position++) {
        given += 1;
        const events = [stored('Deposited', 1, { amount: Number(position) }, { position })];
        yield { events, scannedAfter: position - 1n, scannedTo: position, epoch: 1n };
      }
    }
    const amounts: number[] = [];
    for await (const { payload, eventType } of eventsOf(account.decodeAll(pages()))) {
      if (eventType === 'Deposited' && payload) amounts.push(payload.amount);
      if (amounts.length === 3) break;
    }
    expect(amounts).toEqual([1, 2, 3]);
    expect(given).toBe(3);
    for await (const page of account.decodeAll(pages())) {
      expect(page).toMatchObject({ scannedAfter: 0n, scannedTo: 1n, epoch: 1n });
      break;
    }
  });
});

describe('types', () => {
  it('tell payloads apart by event type', () => {
    type AccountEvent = DecodedBy<typeof account>;
    const event = account.decode(stored('Deposited', 1, { amount: 5 })) as AccountEvent;
    if (event.payload === undefined) throw new Error('There is a payload');
    switch (event.eventType) {
      case 'AccountOpened':
        expectTypeOf(event.payload).toEqualTypeOf<{ owner: string; currency: string }>();
        break;
      case 'Deposited':
        expectTypeOf(event.payload).toEqualTypeOf<{ amount: number }>();
        expectTypeOf(event.position).toEqualTypeOf<bigint>();
        expect(event.payload.amount).toBe(5);
        break;
      default:
        expectTypeOf(event).toEqualTypeOf<never>();
    }
  });

  it('do not let a wrong payload or an unknown type be written', () => {
    // @ts-expect-error the payload lacks the amount
    expect(account.encode('Deposited', {}).eventType).toBe('Deposited');
    // @ts-expect-error the amount is no text
    expect(account.encode('Deposited', { amount: '5' }).eventType).toBe('Deposited');
    // @ts-expect-error of another type
    expect(thrown(() => account.encode('AccountOpened', { amount: 5 }))).toBeInstanceOf(InvalidRequestError);
    // @ts-expect-error nobody registered it
    expect(thrown(() => account.encode('Closed', {}))).toEqual(
      new TypeError('Event type "Closed" is not registered, so it cannot be written'),
    );
  });
});

describe('upcasters', () => {
  it('may rename the type', () => {
    const renamed = account.retire('AccountCreated', {
      codec: json(),
      upcasters: {
        1: (payload: { name: string }) =>
          into({ eventType: 'AccountOpened', schemaVersion: 1, payload: { name: payload.name } }),
      },
    });
    expect(renamed.decode(stored('AccountCreated', 1, { name: 'ada' }, { position: 9n }))).toMatchObject({
      eventType: 'AccountOpened',
      schemaVersion: 3,
      position: 9n,
      payload: { owner: 'ada' },
    });
    expect(thrown(() => renamed.encode('AccountCreated' as never, {} as never))).toEqual(
      new TypeError('Event type "AccountCreated" is retired, so it cannot be written'),
    );
  });

  it('may make several events of one, or none: at the place of the stored one', async () => {
    const split = account
      .retire('Imported', {
        codec: json(),
        upcasters: {
          1: (payload: { owner: string; amounts: number[] }) =>
            into(
              { eventType: 'AccountOpened', schemaVersion: 2, payload: { owner: payload.owner } },
              ...payload.amounts.map((amount) => ({
                eventType: 'Deposited',
                schemaVersion: 1,
                payload: { amount },
              })),
            ),
        },
      })
      .retire('Noise', { codec: json(), upcasters: { 1: () => into() } });
    const imported = stored('Imported', 1, { owner: 'ada', amounts: [1, 2] }, { version: 4n, position: 12n });
    const noise = stored('Noise', 1, {}, { position: 13n });
    expect(
      split.decodeEach(imported).map(({ eventType, version, position }) => [eventType, version, position]),
    ).toEqual([
      ['AccountOpened', 4n, 12n],
      ['Deposited', 4n, 12n],
      ['Deposited', 4n, 12n],
    ]);
    expect(split.decodeEach(noise)).toEqual([]);
    async function* pages() {
      yield { events: [imported, noise], scannedTo: 13n };
    }
    for await (const { events, scannedTo } of split.decodeAll(pages()))
      expect([events.length, scannedTo]).toEqual([3, 13n]);
    for (const [event, many] of [
      [imported, '3'],
      [noise, 'none'],
    ] as const)
      expect((thrown(() => split.decode(event)) as Error).message).toContain(
        `its upcasters make ${many} of it: use decodeEach or decodeAll`,
      );
  });

  it('read each version with the codec that it was written with', () => {
    const shouting = {
      contentType: 'text/shouted',
      encode: (payload: { text: string }) => new TextEncoder().encode(payload.text.toUpperCase()),
      parse: (data: Uint8Array) => ({ text: new TextDecoder().decode(data).toLowerCase() }),
      validate: (value: unknown) => value as { text: string },
    };
    const types = eventTypes().register('Said', {
      schemaVersion: 3,
      codec: shouting,
      upcasters: {
        1: (payload: { said: string }) => ({ words: payload.said }),
        2: { codec: json(), upcast: ({ words }: { words: string }) => ({ text: words }) },
      },
    });
    expect(types.decode(stored('Said', 1, { said: 'a' })).payload).toEqual({ text: 'a' });
    expect(types.decode(stored('Said', 2, { words: 'b' })).payload).toEqual({ text: 'b' });
    const event = types.encode('Said', { text: 'c' });
    expect(event.contentType).toBe('text/shouted');
    expect(types.decode(afterStoring(event)).payload).toEqual({ text: 'c' });
  });

  it('that fail, are asynchronous, go in circles or lead nowhere are told with the event', () => {
    const types = eventTypes()
      .register('Failing', {
        schemaVersion: 2,
        codec: json(),
        upcasters: {
          1: () => {
            throw new RangeError('secret');
          },
        },
      })
      .register('Late', { schemaVersion: 2, codec: json(), upcasters: { 1: () => Promise.resolve({}) } })
      .retire('Ping', {
        codec: json(),
        upcasters: { 1: () => into({ eventType: 'Pong', schemaVersion: 1, payload: {} }) },
      })
      .retire('Pong', {
        codec: json(),
        upcasters: { 1: () => into({ eventType: 'Ping', schemaVersion: 1, payload: {} }) },
      })
      .retire('Lost', {
        codec: json(),
        upcasters: { 1: () => into({ eventType: 'Nowhere', schemaVersion: 1, payload: {} }) },
      })
      .retire('Stuck', { codec: json(), upcasters: { 1: (payload: object) => payload } });
    const problems = Object.fromEntries(
      ['Failing', 'Late', 'Ping', 'Lost', 'Stuck'].map((type) => {
        const error = thrown(() => types.decode(stored(type, 1, {}, { position: 3n })));
        expect(error).toBeInstanceOf(PayloadError);
        return [type, (error as Error).message];
      }),
    );
    expect(problems).toEqual({
      Failing: 'Failing at position 3, schema version 1: its upcaster from Failing version 1 failed',
      Late: 'Late at position 3, schema version 1: its upcaster from Late version 1 is asynchronous, which it must not be',
      Ping: 'Ping at position 3, schema version 1: its upcasters go in circles at Ping version 1',
      Lost: 'Lost at position 3, schema version 1: its upcasters make it Nowhere version 1, which nobody registered',
      Stuck:
        'Stuck at position 3, schema version 1: its type is retired, so its upcaster from Stuck version 1 must give into(…)',
    });
  });
});

describe('what is not a payload', () => {
  it('an erased event passes without one and is never upcast', () => {
    const erased = stored('AccountOpened', 1, {}, { erased: true, data: new Uint8Array(), contentType: '' });
    expect(account.decode(erased)).toEqual({ ...erased, payload: undefined });
    expect(account.decode({ ...erased, eventType: 'Unheard' }).payload).toBeUndefined();
  });

  it("the store's own events pass", () => {
    const deleted = stored('$stream-deleted', 1, {});
    expect(account.decode(deleted)).toEqual({ ...deleted, payload: undefined });
  });

  it('an unknown type fails, or passes if it was so chosen', () => {
    const unheard = stored('Unheard', 2, {}, { position: 5n });
    const error = thrown(() => account.decode(unheard));
    expect(error).toBeInstanceOf(UnknownEventTypeError);
    expect(error).toMatchObject({
      message: 'Unheard at position 5, schema version 2: nobody registered the type',
      eventType: 'Unheard',
      position: 5n,
    });
    expect(eventTypes({ unknown: 'pass' }).decode(unheard)).toEqual({ ...unheard, payload: undefined });
  });

  it('a schema version newer than registered is refused, so that it is not misread', () => {
    const error = thrown(() => account.decode(stored('AccountOpened', 4, { owner: 'ada' })));
    expect(error).toBeInstanceOf(SchemaVersionTooNewError);
    expect(error).toMatchObject({
      name: 'SchemaVersionTooNewError',
      eventType: 'AccountOpened',
      schemaVersion: 4,
      registered: 3,
    });
  });
});

describe('JSON payloads', () => {
  it('that the schema refuses are not written: every field is named', () => {
    const nested = eventTypes().register('Ordered', {
      codec: json(z.object({ lines: z.array(z.object({ count: z.int() })) })),
    });
    const error = thrown(() => nested.encode('Ordered', { lines: [{ count: 1 }, { count: 1.5 }] }));
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect(error).toMatchObject({ violations: [{ field: 'data.lines[1].count' }], count: 1 });
  });

  it('that the schema refuses are not read: the event and every field are named', () => {
    const error = thrown(() => account.decode(stored('AccountOpened', 3, { owner: 5 }, { position: 2n })));
    expect(error).toBeInstanceOf(PayloadError);
    expect(error).toMatchObject({
      position: 2n,
      schemaVersion: 3,
      violations: [{ field: 'data.owner' }],
    });
    expect((error as Error).message).toMatch(
      /^AccountOpened at position 2, schema version 3: its payload is no /,
    );
  });

  it.each([
    ['no JSON', new TextEncoder().encode('{"owner": secret}')],
    ['no UTF-8', new Uint8Array([0x22, 0xc3, 0x28, 0x22])],
    ['nothing at all', new Uint8Array()],
  ])('whose bytes are %s are told with type and position, and without the data', (_, data) => {
    const error = thrown(() => account.decode(stored('Deposited', 1, {}, { data, position: 6n })));
    expect(error).toBeInstanceOf(PayloadError);
    expect((error as Error).message).toBe(
      'Deposited at position 6, schema version 1: its data, application/json, cannot be read',
    );
    expect((error as Error).cause).toBeInstanceOf(Error);
  });

  it.each([
    ['a number that is not finite', { amount: Number.NaN }, /"amount" is NaN/],
    ['a bigint', { amount: 5n }, /BigInt/],
    ['nothing', undefined, /It is undefined/],
  ])('that hold %s are not written, since JSON would change it', (_, payload, why) => {
    const error = thrown(() => account.encode('Deposited', payload as never));
    expect(error).toBeInstanceOf(InvalidRequestError);
    expect((error as Error).message).toMatch(why);
  });

  it('need a schema that does not wait', () => {
    const waiting = eventTypes().register('Waiting', {
      codec: json(z.object({ id: z.string().refine(async () => Promise.resolve(true)) })),
    });
    expect(thrown(() => waiting.encode('Waiting', { id: '1' }))).toBeInstanceOf(Error);
    const always = eventTypes().register('Always', {
      codec: json({
        '~standard': { version: 1, vendor: 'slow', validate: (value) => Promise.resolve({ value }) },
      }),
    });
    expect(thrown(() => always.encode('Always', {}))).toEqual(
      new TypeError('The schema of slow validates asynchronously, which payloads cannot wait for'),
    );
  });
});

describe('registering', () => {
  const codec = json();
  const step = () => ({});
  it.each([
    [
      'a type twice',
      () => account.register('Deposited', { codec }),
      'Event type "Deposited" is registered twice',
    ],
    [
      'a retired type that is registered',
      () => account.retire('Deposited', { codec, upcasters: { 1: step } }),
      'Event type "Deposited" is registered twice',
    ],
    ['no name', () => account.register('', { codec }), 'Event type "": the name must not be empty'],
    [
      "a name of the store's own",
      () => account.register('$mine', { codec }),
      'Event type "$mine": the name is "$mine": names with $ in front are reserved',
    ],
    [
      'a schema version below 1',
      () => account.register('Closed', { codec, schemaVersion: 0 }),
      'Event type "Closed" has schema version 0, it must be from 1 to 2147483647',
    ],
    [
      'a schema version that is no whole number',
      () => account.register('Closed', { codec, schemaVersion: 1.5 }),
      'Event type "Closed" has schema version 1.5, it must be from 1 to 2147483647',
    ],
    [
      'a step that is missing',
      () => account.register('Closed', { codec, schemaVersion: 3, upcasters: { 1: step } }),
      'Event type "Closed" of schema version 3 has no upcaster for version 2',
    ],
    [
      'a step too many',
      () => account.register('Closed', { codec, schemaVersion: 2, upcasters: { 1: step, 2: step } }),
      'Event type "Closed" of schema version 2 has an upcaster for version 2, which makes no sense',
    ],
    [
      'a retired type that goes nowhere',
      () => account.retire('Closed', { codec, upcasters: {} }),
      'Event type "Closed" of schema version 1 has no upcaster for version 1',
    ],
  ])('%s is refused by name', (_, register, message) => {
    const error = thrown(register) as Error;
    expect(error.message).toBe(message);
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
  });
});
