import { describe, expect, it } from 'vitest';
import type { Decision, EventTypesOf } from '../../src/commands/aggregate.js';
import { commandOf, CommandRegistry } from '../../src/commands/command-registry.js';
import type { DecideContext } from '../../src/commands/decide-context.js';
import { BaseAggregate } from '../../src/commands/base-aggregate.js';
import { defineAggregate } from '../../src/commands/define-aggregate.js';
import { defineAggregateClass } from '../../src/commands/define-aggregate-class.js';
import type { EventStore } from '../../src/core/event-store.js';
import { eventTypes } from '../../src/core/event-types.js';
import { json } from '../../src/core/json-codec.js';
import { into } from '../../src/core/upcasting.js';
import { managerOn, memoryStore } from './account.js';

const events = eventTypes().register('Noted', { codec: json<{ note: string }>() });
const noted = (note: string, ...tags: readonly string[]) => events.encode('Noted', { note }, { tags });
const log = { aggregateType: 'Log', aggregateId: 'l' };

/** An aggregate with one command, which comes to what is handed in. */
function deciding(
  store: EventStore,
  decide: (context: DecideContext<EventTypesOf<typeof events>>) => Decision | Promise<Decision>,
) {
  const journal = defineAggregate({
    type: 'Journal',
    events,
    initialState: [] as readonly string[],
    evolve: (notes, { payload }) => [...notes, payload.note],
    commands: { Note: { data: json<object>(), decide: (_notes, _data, context) => decide(context) } },
  });
  const manager = managerOn(store, { registry: new CommandRegistry().register(journal), attempts: 5 });
  return {
    execute: (aggregateId = 'j') => manager.execute(commandOf(journal, 'Note', {}, { aggregateId })),
    notes: async (aggregateId = 'j') => (await manager.get(journal, aggregateId)).state,
  };
}
const append = (store: EventStore, ...some: readonly ReturnType<typeof noted>[]) =>
  store.append({ streams: [{ stream: log, expectedVersion: 'ANY', events: some }] });

describe('a decision', () => {
  it('knows on what it decides, when, and for whom', async () => {
    const seen: DecideContext<EventTypesOf<typeof events>>[] = [];
    const { execute } = deciding(memoryStore(), (context) => {
      seen.push(context);
      return [noted(context.newId())];
    });
    await execute();
    await execute();
    expect(seen.map(({ version }) => version)).toEqual([0n, 1n]);
    expect(seen[0]).toMatchObject({
      aggregate: { aggregateType: 'Journal', aggregateId: 'j' },
      principal: { kind: 'ANONYMOUS' },
      metadata: {},
    });
    expect(seen[0]?.now).toBeGreaterThan(0n);
    expect(seen[0]?.newId()).not.toBe(seen[0]?.newId());
  });

  it('is made again when something has come that its queries would have found', async () => {
    const store = memoryStore();
    let tries = 0;
    const { execute, notes } = deciding(store, async (context) => {
      const found = await context.query([{ tags: ['topic:x'] }, { tags: ['topic:y'] }]);
      tries += 1;
      // Behind its back, twice; what is about something else is no matter.
      if (tries <= 2) await append(store, noted('meanwhile', 'topic:y'), noted('else', 'topic:z'));
      else await append(store, noted('else', 'topic:z'));
      return [noted(`${found.length} found`)];
    });
    await execute();
    expect(tries).toBe(3);
    expect(await notes()).toEqual(['2 found']);
  });

  it('sees the log up to the same position in all its queries', async () => {
    const store = memoryStore();
    await append(store, noted('old', 'topic:x'));
    let tries = 0;
    const { execute, notes } = deciding(store, async (context) => {
      const first = await context.query({ tags: ['topic:x'] });
      tries += 1;
      if (tries === 1) await append(store, noted('new', 'topic:x'));
      const [second, third] = await Promise.all([
        context.query({ tags: ['topic:x'] }),
        context.query({ eventTypes: ['Noted'], tags: ['topic:x'] }, events),
      ]);
      return [noted([first, second, third].map(({ length }) => length).join())];
    });
    await execute();
    expect(tries).toBe(2);
    expect(await notes()).toEqual(['2,2,2']);
  });

  it('may say that what it has queried does not matter, or name a condition of its own', async () => {
    const store = memoryStore();
    const meanwhile = () => append(store, noted('meanwhile', 'topic:x'));
    const careless = deciding(store, async (context) => {
      await context.query({ tags: ['topic:x'] });
      await meanwhile();
      return { events: [noted('done')], condition: 'NONE' };
    });
    await careless.execute();
    const own = deciding(store, async () => {
      await meanwhile();
      return { events: [noted('done')], condition: { items: [{ tags: ['topic:x'] }] } };
    });
    await expect(own.execute()).rejects.toMatchObject({ reason: 'APPEND_CONDITION_FAILED' });
  });

  it('may rest on the versions of other streams', async () => {
    const store = memoryStore();
    await append(store, noted('first'));
    let expected = 7n;
    const { execute } = deciding(store, () => {
      const checks = [{ stream: log, expectedVersion: expected }];
      expected = 1n;
      return { events: [noted('done')], checks };
    });
    expect(await execute()).toMatchObject({ version: 1n });
    expect((await store.getStream(log)).version).toBe(1n);
  });
});

describe('the events of an aggregate', () => {
  it('are folded in the newest shape, also those of types that are no more', async () => {
    const store = memoryStore();
    await store.append({
      streams: [
        {
          stream: { aggregateType: 'Journal', aggregateId: 'j' },
          expectedVersion: 'NO_STREAM',
          events: [
            {
              eventType: 'Written',
              data: new TextEncoder().encode('{"lines":["a","b"]}'),
              contentType: 'application/json',
            },
            events.encode('Noted', { note: 'c' }),
          ],
        },
      ],
    });
    const journal = defineAggregate({
      type: 'Journal',
      events: events.retire('Written', {
        codec: json<{ lines: readonly string[] }>(),
        upcasters: {
          1: ({ lines }: { lines: readonly string[] }) =>
            into(...lines.map((note) => ({ eventType: 'Noted', schemaVersion: 1, payload: { note } }))),
        },
      }),
      initialState: () => [] as readonly string[],
      evolve: (notes, { payload }) => [...notes, payload.note],
      commands: {},
    });
    const manager = managerOn(store, { registry: new CommandRegistry().register(journal) });
    expect((await manager.get(journal, 'j')).state).toEqual(['a', 'b', 'c']);
  });

  it('are folded the same from memory as from the log, whatever a fold looks at', async () => {
    const store = memoryStore();
    const journal = defineAggregate({
      type: 'Journal',
      events,
      initialState: [] as readonly object[],
      evolve: (all, event) => [...all, event],
      commands: {
        Note: {
          data: json<{ note: string }>(),
          decide: (_state, { note }) => [
            noted(note, 'topic:x'),
            { ...noted(note), metadata: { own: 'yes' } },
          ],
        },
      },
    });
    const registry = () => new CommandRegistry().register(journal);
    const warm = managerOn(store, { registry: registry() });
    for (const note of ['a', 'b', 'c'])
      await warm.execute(
        commandOf(journal, 'Note', { note }, { aggregateId: 'j', metadata: { tenant: 't' } }),
      );
    const cold = managerOn(store, { registry: registry() });
    expect((await warm.get(journal, 'j')).state).toEqual((await cold.get(journal, 'j')).state);
    expect((await cold.get(journal, 'j')).state.length).toBe(6);
  });
});

describe('an aggregate in the class style', () => {
  it('holds plain data, else its author is told', async () => {
    class Money {
      constructor(readonly amount: number) {}
    }
    class Purse extends BaseAggregate<typeof events> {
      static readonly type = 'Purse';
      static readonly events = events;
      readonly plain = {
        map: new Map([['a', { deep: [1n] }]]),
        set: new Set([1]),
        bytes: new Uint8Array([1]),
      };
      money: Money | undefined;
      protected override appliers() {
        return {
          Noted: ({ payload }: { payload: { note: string } }) => {
            this.plain.map.set(payload.note, { deep: [2n] });
            if (payload.note === 'money') this.money = new Money(1);
          },
        };
      }
      note(note: string): void {
        this.raise('Noted', { note });
      }
    }
    const purse = defineAggregateClass(Purse, { commands: {} });
    const manager = managerOn(memoryStore(), { registry: new CommandRegistry().register(purse) });
    await manager.update(purse, 'p', (one) => one.note('b'));
    const { state } = await manager.get(purse, 'p');
    state.plain.map.get('a')?.deep.push(3n);
    const again = (await manager.get(purse, 'p')).state.plain;
    expect(again.map).toEqual(
      new Map([
        ['a', { deep: [1n] }],
        ['b', { deep: [2n] }],
      ]),
    );
    expect([again.set, again.bytes]).toEqual([new Set([1]), new Uint8Array([1])]);
    await manager.update(purse, 'p', (one) => one.note('money'));
    await expect(manager.get(purse, 'p')).rejects.toThrow('The state of Purse holds a Money');
  });
});
