import type { CreateGroupRequest } from '../core/consumer-groups.js';
import { appendTo, fill, newEvent, thing } from './builders.js';
import { eventually, type TestFramework } from './contract.js';
import { TestConsumer } from './groups-contract-consumer.js';
import type { WithGroups } from './groups-contract.js';

/** Which events come to a consumer, and in which order, when nothing fails. */
export function groupDeliveriesContract(framework: TestFramework, withGroups: WithGroups): void {
  const { describe, it, expect, sleep } = framework;

  describe('deliveries of a consumer group', () => {
    it(
      'come once each and in the order of their stream, from the beginning of the log and then live',
      withGroups(async ({ groups, store }) => {
        for (const id of ['a', 'b']) await fill(store, thing(id), 40);
        await groups.create({ name: 'g' });
        const consumer = (await TestConsumer.join(framework, groups, { group: 'g' })).answerAll();
        await consumer.got(80);
        for (const id of ['a', 'b']) await fill(store, thing(id), 10);
        await consumer.got(100);
        for (const id of ['a', 'b'])
          expect(consumer.names.filter((name) => name.startsWith(id))).toEqual(
            Array.from({ length: 50 }, (_, index) => `${id}${index + 1}`),
          );
        await eventually(framework, 'nothing lags', async () => (await groups.get('g')).lag === 0n);
      }),
    );

    for (const [where, start, expected] of [
      ['the end', { kind: 'END' }, ['a4']],
      ['a position', { kind: 'AFTER', after: { position: 2n } }, ['a3', 'a4']],
      ['a time long ago', { kind: 'TIME', time: 1n }, ['a1', 'a2', 'a3', 'a4']],
    ] as const satisfies readonly (readonly [string, CreateGroupRequest['start'], readonly string[]])[])
      it(
        `begin at ${where}`,
        withGroups(async ({ groups, store }) => {
          await fill(store, thing('a'), 3);
          await groups.create({ name: 'g', start });
          await fill(store, thing('a'), 1);
          const consumer = (await TestConsumer.join(framework, groups, { group: 'g' })).answerAll();
          await consumer.got(expected.length);
          expect(consumer.names).toEqual(expected);
        }),
      );

    it(
      'are of what the group selects',
      withGroups(async ({ groups, store }) => {
        await groups.create({
          name: 'g',
          selection: {
            scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Thing'] },
            filters: [{ eventTypes: ['Wanted'] }],
          },
        });
        const consumer = (await TestConsumer.join(framework, groups, { group: 'g' })).answerAll();
        await store.append(appendTo(thing('a'), newEvent(), newEvent({ eventType: 'Wanted' })));
        await store.append(appendTo(thing('a', 'Other'), newEvent({ eventType: 'Wanted' })));
        await store.append(appendTo(thing('b'), newEvent({ eventType: 'Wanted' })));
        await consumer.got(2);
        expect(consumer.names).toEqual(['a2', 'b1']);
        await eventually(framework, 'nothing lags', async () => (await groups.get('g')).lag === 0n);
      }),
    );

    it(
      'are at most as many as there is credit for',
      withGroups(async ({ groups, store }) => {
        for (const id of ['a', 'b', 'c', 'd']) await fill(store, thing(id), 1);
        await groups.create({ name: 'g' });
        const consumer = await TestConsumer.join(framework, groups, { group: 'g', maxInFlight: 2 });
        await consumer.got(2);
        await sleep(50);
        await consumer.got(2);
        expect(await consumer.ack('a1')).toEqual([]);
        await consumer.got(3);
        consumer.membership.setMaxInFlight(0);
        await consumer.ack('b1', 'c1');
        await sleep(50);
        await consumer.got(3);
        consumer.membership.setMaxInFlight(5);
        await consumer.got(4);
      }),
    );

    it(
      'of a stream wait until what came before is answered, whole or in part',
      withGroups(async ({ groups, store }) => {
        await fill(store, thing('a'), 2);
        await groups.create({ name: 'g' });
        const consumer = await TestConsumer.join(framework, groups, { group: 'g' });
        await consumer.got(2);
        await fill(store, thing('a'), 1);
        await fill(store, thing('b'), 1);
        await consumer.got(3);
        expect(await consumer.ack('a1')).toEqual([]);
        await sleep(50);
        expect(consumer.names).toEqual(['a1', 'a2', 'b1']);
        expect(await consumer.ack('a2')).toEqual([]);
        await consumer.got(4);
        expect(consumer.names.at(-1)).toBe('a3');
      }),
    );

    it(
      'come in one order over all streams where there is one slot',
      withGroups(async ({ groups, store }) => {
        const expected: string[] = [];
        for (let round = 1; round <= 5; round++)
          for (const id of ['b', 'a', 'c']) {
            await fill(store, thing(id), 1);
            expected.push(`${id}${round}`);
          }
        await groups.create({ name: 'g', slots: 1 });
        const consumer = await TestConsumer.join(framework, groups, { group: 'g' });
        await consumer.got(1);
        await sleep(50);
        await consumer.got(1);
        consumer.answerAll();
        await consumer.got(15);
        expect(consumer.names).toEqual(expected);
      }),
    );

    it(
      'are acknowledged once: positions that are not under way are given back',
      withGroups(async ({ groups, store }) => {
        await fill(store, thing('a'), 2);
        await groups.create({ name: 'g' });
        const consumer = await TestConsumer.join(framework, groups, { group: 'g' });
        await consumer.got(2);
        expect(await consumer.membership.ack([2n, 1n, 99n])).toEqual([99n]);
        expect(await consumer.membership.nack({ position: 2n })).toEqual([2n]);
        await expect(consumer.membership.ack([])).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
      }),
    );
  });
}
