import { beforeEach, describe, expect, it } from 'vitest';
import type { EventStore } from '../../src/core/event-store.js';
import type { Event } from '../../src/core/event.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { EMISSION_AGGREGATE_TYPE, Emitter } from '../../src/projections/emit.js';
import { resolveLinks } from '../../src/projections/links.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, fill, jsonOf, loaded, newEvent, shown, thing } from '../../src/testing/builders.js';

const signal = new AbortController().signal;
const mail = thing('all', 'Mail');

let store: EventStore;
let events: readonly Event[];
beforeEach(async () => {
  store = createMemoryEventStore({ runtime: systemRuntime });
  await fill(store, thing('a'), 3);
  events = await loaded(store);
});

const open = (projection = 'mailer') => Emitter.open({ store, projection, emits: ['Mail'] }, signal);

async function emitTo(emitter: Emitter, cause: Event, ...texts: readonly string[]): Promise<void> {
  const emission = emitter.of(cause);
  for (const text of texts) emission.emit(mail, newEvent({ eventType: 'Sent', json: text }));
  await emitter.append(emission, signal);
}

const mails = async () =>
  (await loaded(store, { scope: { kind: 'STREAMS', streams: [mail] } }))
    .filter(({ eventType }) => eventType === 'Sent')
    .map(jsonOf);

describe('what a projection emits', () => {
  it('is there once, however often and by whomever it is emitted', async () => {
    for (const emitter of [await open(), await open()])
      for (const [index, event] of events.entries()) await emitTo(emitter, event, `${index}a`, `${index}b`);
    expect(await mails()).toEqual(['0a', '0b', '1a', '1b', '2a', '2b']);
    const [first] = await loaded(store, { scope: { kind: 'STREAM', stream: mail } });
    expect(first?.metadata).toEqual({
      causation_id: events[0]?.eventId,
      correlation_id: events[0]?.eventId,
    });
  });

  it('is not that of another projection', async () => {
    await emitTo(await open(), events[0] as Event, 'x');
    await emitTo(await open('other'), events[0] as Event, 'x');
    expect(await mails()).toEqual(['x', 'x']);
  });

  it('must be the same the next time', async () => {
    await emitTo(await open(), events[0] as Event, 'x');
    await expect(emitTo(await open(), events[0] as Event, 'y')).rejects.toMatchObject({
      reason: 'EVENT_ID_REUSED',
    });
  });

  it('goes only to streams of its own types', async () => {
    const emission = (await open()).of(events[0] as Event);
    expect(() => emission.emit(thing('a'), newEvent())).toThrow(/"Thing".*not among.*\["Mail"\]/);
  });

  it('is at most what goes into one append', async () => {
    const emission = (await open()).of(events[0] as Event);
    for (let index = 0; index < 1000; index++) emission.emit(mail, newEvent());
    expect(() => emission.emit(mail, newEvent())).toThrow(/more than 1000 effects/);
  });

  it('goes to several streams or to none', async () => {
    const emitter = await open();
    const emission = emitter.of(events[0] as Event);
    emission.emit(mail, newEvent({ eventType: 'Sent', json: 'x' }));
    emission.emit(thing('$', 'Mail'), newEvent({ eventType: '$no' }));
    await expect(emitter.append(emission, signal)).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
    expect(await mails()).toEqual([]);
  });
});

describe('what a projection emitted', () => {
  it('is deleted with it, and emitted anew afterwards', async () => {
    const emitter = await open();
    await emitTo(emitter, events[0] as Event, 'x');
    await store.append(appendTo(thing('kept', 'Other'), newEvent()));
    await emitter.deleteEmitted(signal);
    await expect(shown(store, mail)).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
    expect(await shown(store, thing('kept', 'Other'))).toEqual([1]);
    // Another runner knows of it.
    await emitTo(await open(), events[0] as Event, 'x');
    await emitTo(emitter, events[0] as Event, 'x');
    expect(await mails()).toEqual(['x']);
    expect(await shown(store, mail)).toEqual([3]);
  });

  it('may be deleted again where that was interrupted', async () => {
    const emitter = await open();
    await emitTo(emitter, events[0] as Event, 'x');
    await emitter.deleteEmitted(signal);
    await (await open()).deleteEmitted(signal);
    await emitTo(await open(), events[0] as Event, 'x');
    expect(await mails()).toEqual(['x']);
    expect(await shown(store, thing('mailer', EMISSION_AGGREGATE_TYPE))).toEqual([1, 2]);
  });

  it('is deleted however many streams it is', async () => {
    const emitter = await open();
    for (let first = 0; first < 1100; first += 100)
      await store.append({
        streams: Array.from({ length: 100 }, (_, index) => ({
          stream: thing(`m-${first + index}`, 'Mail'),
          expectedVersion: 'ANY',
          events: [newEvent()],
        })),
      });
    await emitter.deleteEmitted(signal);
    expect((await store.listStreams({ aggregateType: 'Mail' })).streams).toEqual([]);
  });
});

describe('links', () => {
  it('point at events, which resolving them gives in their place', async () => {
    const emitter = await open();
    for (const event of [...events].reverse()) {
      const emission = emitter.of(event);
      emission.linkTo(mail, event);
      await emitter.append(emission, signal);
    }
    const links = await loaded(store, { scope: { kind: 'STREAM', stream: mail } });
    expect(links.map(({ eventType }) => eventType)).toEqual(['Link', 'Link', 'Link']);
    const other = events[0] as Event;
    expect(await resolveLinks(store, [other, ...links])).toEqual([other, ...[...events].reverse()]);
  });

  it('to links point at what these point at', async () => {
    const emitter = await open();
    for (const [index, event] of events.slice(0, 2).entries()) {
      const emission = emitter.of(event);
      const [link] = index === 0 ? [] : await loaded(store, { scope: { kind: 'STREAM', stream: mail } });
      emission.linkTo(mail, link ?? event);
      await emitter.append(emission, signal);
    }
    const links = await loaded(store, { scope: { kind: 'STREAM', stream: mail } });
    expect(await resolveLinks(store, links)).toEqual([events[0], events[0]]);
  });

  it('to what is not shown any more, or was never here, stay as they are', async () => {
    const emitter = await open();
    const emission = emitter.of(events[0] as Event);
    emission.linkTo(mail, events[0] as Event);
    emission.linkTo(mail, { ...(events[0] as Event), stream: thing('elsewhere') });
    await emitter.append(emission, signal);
    await store.truncateStream({ stream: thing('a'), expectedVersion: 'ANY', beforeVersion: 3n });
    const links = await loaded(store, { scope: { kind: 'STREAM', stream: mail } });
    expect(await resolveLinks(store, links)).toEqual(links);
  });

  it('are resolved to events of deleted streams, and of thousands of versions', async () => {
    await fill(store, thing('long'), 200);
    const long = await loaded(store, { scope: { kind: 'STREAM', stream: thing('long') } });
    const chosen = long.filter((_, index) => index % 3 === 0);
    const emitter = await open();
    const emission = emitter.of(events[0] as Event);
    for (const event of chosen) emission.linkTo(mail, event);
    await emitter.append(emission, signal);
    await store.deleteStream({ stream: thing('long'), expectedVersion: 'ANY' });
    const links = await loaded(store, { scope: { kind: 'STREAM', stream: mail } });
    expect(await resolveLinks(store, links)).toEqual(chosen);
  });

  it('whose data is no link are refused', async () => {
    const bad = newEvent({ contentType: 'application/vnd.headwater.link+json', json: { version: 'x' } });
    await store.append(appendTo(mail, bad));
    const links = await loaded(store, { scope: { kind: 'STREAM', stream: mail } });
    await expect(resolveLinks(store, links)).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
  });
});
