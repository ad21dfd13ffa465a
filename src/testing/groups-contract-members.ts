import { appendTo, fill, newEvent, thing } from './builders.js';
import { eventually, type TestFramework } from './contract.js';
import { TestConsumer } from './groups-contract-consumer.js';
import type { WithGroups } from './groups-contract.js';

/** Consumers that come and go. */
export function groupMembersContract(framework: TestFramework, withGroups: WithGroups): void {
  const { describe, it, expect } = framework;

  describe('members of a consumer group', () => {
    it(
      'share the streams, each stream to one of them, and nothing comes twice when one joins',
      withGroups(async ({ elsewhere, groups, store }) => {
        const ids = Array.from({ length: 30 }, (_, index) => `s${index}-`);
        for (const id of ids) await fill(store, thing(id), 2);
        await groups.create({ name: 'g', slots: 8 });
        const one = (
          await TestConsumer.join(framework, groups, { group: 'g', memberName: 'one' })
        ).answerAll();
        await one.got(60);
        const two = (
          await TestConsumer.join(framework, elsewhere, { group: 'g', memberName: 'two' })
        ).answerAll();
        await eventually(framework, 'each has half of the slots', async () => {
          const { members } = await groups.get('g');
          return members.length === 2 && members.every(({ slots }) => slots === 4);
        });
        for (const id of ids) await fill(store, thing(id), 1);
        const names = () => [...one.names, ...two.names];
        await eventually(framework, 'all are delivered', async () => names().length >= 90);
        expect(new Set(names()).size).toBe(90);
        expect(names().length).toBe(90);
        expect(two.names.length > 0).toBe(true);
        expect((await groups.get('g')).members.map(({ name }) => name)).toEqual(['one', 'two']);
      }),
    );

    it(
      'that leave answer what they have, and the others go on behind it',
      withGroups(async ({ elsewhere, groups, store }) => {
        await fill(store, thing('a'), 2);
        await groups.create({ name: 'g' });
        const one = await TestConsumer.join(framework, groups, { group: 'g' });
        await one.got(2);
        const left = one.membership.leave();
        await fill(store, thing('a'), 1);
        expect(await one.ack('a2')).toEqual([]);
        await left;
        await one.untilEnded();
        expect(one.error).toBe(undefined);
        const two = (await TestConsumer.join(framework, elsewhere, { group: 'g' })).answerAll();
        await two.got(1);
        expect(two.names).toEqual(['a3']);
        await expect(one.membership.ack([1n])).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
      }),
    );

    it(
      'whose connection breaks lose what they had to the others, as tried',
      withGroups(async ({ elsewhere, groups, store }) => {
        await fill(store, thing('a'), 1);
        await groups.create({ name: 'g' });
        const connection = new AbortController();
        const one = await TestConsumer.join(framework, groups, { group: 'g', signal: connection.signal });
        await one.got(1);
        connection.abort(new Error('The connection is lost'));
        const two = (await TestConsumer.join(framework, elsewhere, { group: 'g' })).answerAll();
        await two.got(1);
        expect(two.deliveries[0]?.attempt).toBe(2);
      }),
    );

    it(
      'that do not answer in time are ended',
      withGroups(async ({ elsewhere, groups, store }) => {
        await fill(store, thing('a'), 1);
        await groups.create({ name: 'g', settings: { ackTimeoutMs: 1000 } });
        const one = await TestConsumer.join(framework, groups, { group: 'g' });
        await one.got(1);
        const two = (await TestConsumer.join(framework, elsewhere, { group: 'g' })).answerAll();
        await one.untilEnded();
        expect(one.error).toMatchObject({ reason: 'OVERLOADED', limit: 'ack_timeout' });
        await eventually(framework, 'another is given it', async () => two.names.includes('a1'));
        expect(two.deliveries.find(({ events }) => events[0]?.position === 1n)?.attempt).toBe(2);
      }),
    );

    it(
      'of a group that is deleted are ended',
      withGroups(async ({ elsewhere, groups }) => {
        await groups.create({ name: 'g' });
        const one = await TestConsumer.join(framework, groups, { group: 'g' });
        await elsewhere.delete('g');
        await one.untilEnded();
        expect(one.error).toMatchObject({ reason: 'GROUP_NOT_FOUND', group: 'g' });
      }),
    );

    it(
      'of a group that is reset are told what they lost, and begin anew',
      withGroups(async ({ elsewhere, groups, store }) => {
        await fill(store, thing('a'), 3);
        await groups.create({ name: 'g' });
        const one = await TestConsumer.join(framework, groups, { group: 'g' });
        await one.got(3);
        await one.ack('a2');
        const position = await elsewhere.reset({ name: 'g' });
        expect(position.position).toBe(0n);
        await one.got(6);
        expect(one.names.slice(3)).toEqual(['a1', 'a2', 'a3']);
        expect(one.messages.find(({ kind }) => kind === 'REVOKED')).toEqual({
          kind: 'REVOKED',
          positions: [3n],
        });
      }),
    );

    it(
      'of a group that is changed go on with what it is about now',
      withGroups(async ({ elsewhere, groups, store }) => {
        await groups.create({ name: 'g' });
        const one = (await TestConsumer.join(framework, groups, { group: 'g' })).answerAll();
        await fill(store, thing('a'), 1);
        await one.got(1);
        await elsewhere.update({ name: 'g', selection: { filters: [{ eventTypes: ['Wanted'] }] } });
        await eventually(framework, 'only what is wanted comes', async () => {
          const before = one.events.length;
          await store.append(appendTo(thing('a'), newEvent(), newEvent({ eventType: 'Wanted' })));
          await eventually(framework, 'it comes', async () => one.events.length > before);
          const came = one.events.slice(before).map(({ eventType }) => eventType);
          return came.length === 1 && came[0] === 'Wanted';
        });
      }),
    );
  });
}
