import type { AppendCondition, AppendRequest } from '../core/append.js';
import type { EventStore } from '../core/event-store.js';
import { appendTo, eventId, loaded, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Row A5: append conditions, as https://dcb.events has them. */
export function conditionsContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  /** Positions 1 to 4. */
  const four = async (store: EventStore) => {
    await store.append({
      streams: [
        to(thing('a'), 'ANY', newEvent({ eventType: 'Opened', tags: ['kind:a', 'owner:ada'] })),
        to(thing('b'), 'ANY', newEvent({ eventType: 'Changed', tags: ['kind:a'] })),
        to(thing('c', 'Other'), 'ANY', newEvent({ eventType: 'Opened', tags: ['owner:ada'] })),
        to(thing('d'), 'ANY', newEvent({ eventType: 'Closed' })),
      ],
    });
  };
  const under = (condition: AppendCondition, id = 'new'): AppendRequest & { onConflict: 'RETURN' } => ({
    streams: [to(thing(id), 'ANY', newEvent({ tags: ['made:here'] }))],
    condition,
    onConflict: 'RETURN',
  });
  const behind = (position: bigint) => ({ after: { position } });

  describe('an append condition', () => {
    it(
      'fails at the first event above its position that has one of the types and all of the tags of one item',
      withStore(async (store) => {
        await four(store);
        const cases: readonly [AppendCondition, bigint | undefined][] = [
          [{ items: [{ eventTypes: ['Opened'] }] }, 1n],
          [{ items: [{ eventTypes: ['Closed', 'Changed'] }] }, 2n],
          [{ items: [{ eventTypes: ['opened'] }] }, undefined],
          [{ items: [{ tags: ['kind:a', 'owner:ada'] }] }, 1n],
          [{ items: [{ tags: ['kind:a', 'owner:ada'] }], ...behind(1n) }, undefined],
          [{ items: [{ tags: ['kind:a'] }], ...behind(1n) }, 2n],
          [{ items: [{ tags: ['kind:a'] }], ...behind(2n) }, undefined],
          [{ items: [{ tags: ['kind:'] }] }, undefined],
          [{ items: [{ eventTypes: ['Changed'], tags: ['owner:ada'] }] }, undefined],
          [{ items: [{ eventTypes: ['Opened', 'Changed'], tags: ['owner:ada'] }], ...behind(1n) }, 3n],
          [{ items: [{ eventTypes: ['Closed'] }, { tags: ['kind:a'] }], ...behind(1n) }, 2n],
          [{ items: [{ eventTypes: ['Closed'] }, { tags: ['kind:a'] }], ...behind(2n) }, 4n],
          [{ items: [{ eventTypes: ['Never'] }, { tags: ['no:such'] }] }, undefined],
          [{ items: [{}], ...behind(3n) }, 4n],
          [{ items: [{}], after: { position: 4n, epoch: 1n } }, undefined],
        ];
        for (const [condition, failsAt] of cases) {
          // Nothing is written by it, so that the log stays as it is.
          const outcome = await store.append({
            ...under(condition),
            streams: [to(thing('new'), 'NO_STREAM')],
          });
          const shown = JSON.stringify(condition, (_, value: unknown) =>
            typeof value === 'bigint' ? String(value) : value,
          );
          expect([shown, outcome.outcome === 'REFUSED' ? outcome.conditionFailedAt : undefined]).toEqual([
            shown,
            failsAt,
          ]);
        }
      }),
    );

    it(
      'that fails is thrown or returned with the position, and nothing is written',
      withStore(async (store) => {
        await four(store);
        const request = under({ items: [{ tags: ['kind:a'] }], ...behind(1n) });
        expect(await store.append(request)).toEqual({
          outcome: 'REFUSED',
          conflicts: [],
          conditionFailedAt: 2n,
        });
        await expect(store.append({ ...request, onConflict: 'THROW' })).rejects.toMatchObject({
          reason: 'APPEND_CONDITION_FAILED',
          outcome: 'NOT_APPLIED',
          position: 2n,
        });
        expect((await loaded(store)).length).toBe(4);
      }),
    );

    it(
      'does not look at what its own append writes; the same one afterwards does',
      withStore(async (store) => {
        const condition = { items: [{ tags: ['made:here'] }] };
        expect(await store.append(under(condition))).toMatchObject({ outcome: 'APPENDED', lastPosition: 1n });
        expect(await store.append(under(condition, 'other'))).toMatchObject({ conditionFailedAt: 1n });
      }),
    );

    it(
      'is checked after repeats, deleted streams and expected versions',
      withStore(async (store) => {
        const condition = { items: [{}] };
        const first = {
          ...under(condition),
          streams: [to(thing('a'), 'NO_STREAM', newEvent({ eventId: eventId(1) }))],
        };
        expect(await store.append(first)).toMatchObject({ deduplicated: false });
        expect(await store.append(first)).toMatchObject({ deduplicated: true, lastPosition: 1n });
        const refused = await store.append({
          ...under(condition),
          streams: [to(thing('a'), 7n, newEvent())],
        });
        expect(refused).toEqual({
          outcome: 'REFUSED',
          conflicts: [{ stream: thing('a'), expected: 7n, actual: 1n }],
        });
        await store.deleteStream({ stream: thing('a'), expectedVersion: 1n });
        await expect(store.append(under(condition, 'a'))).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
      }),
    );

    it(
      'behind a position or in an epoch that the log does not have is refused',
      withStore(async (store) => {
        await four(store);
        for (const after of [{ position: 5n }, { position: 2n, epoch: 7n }])
          await expect(store.append(under({ items: [{ tags: ['no:such'] }], after }))).rejects.toMatchObject({
            reason: 'POSITION_UNKNOWN',
            position: after.position,
          });
        expect((await loaded(store)).length).toBe(4);
      }),
    );

    it(
      "sees the store's own events",
      withStore(async (store) => {
        await four(store);
        await store.deleteStream({ stream: thing('a'), expectedVersion: 'ANY' });
        const condition = { items: [{ eventTypes: ['$stream-deleted'] }], ...behind(4n) };
        expect(await store.append(under(condition))).toMatchObject({ conditionFailedAt: 5n });
      }),
    );
  });

  describe('appends with conditions at the same time', () => {
    const claim = (tag: string, id: string) => ({
      ...under({ items: [{ tags: [tag] }] }),
      streams: [to(thing(id), 'NO_STREAM', newEvent({ tags: [tag] }))],
    });

    it(
      'that have nothing to do with one another all succeed',
      withStore(async (store) => {
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, (_, index) => store.append(claim(`name:${index}`, `s${index}`))),
        );
        expect(outcomes.filter(({ outcome }) => outcome === 'APPENDED').length).toBe(50);
      }),
    );

    it(
      'for one tag: exactly one wins, whatever stream it is for',
      withStore(async (store) => {
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, (_, index) => store.append(claim('name:ada', `s${index}`))),
        );
        expect(outcomes.filter(({ outcome }) => outcome === 'APPENDED').length).toBe(1);
        for (const outcome of outcomes)
          if (outcome.outcome === 'REFUSED') expect(outcome.conditionFailedAt).toBe(1n);
        expect((await loaded(store)).length).toBe(1);
      }),
    );

    it(
      'that would each break the other: exactly one wins',
      withStore(async (store) => {
        await store.append(appendTo(thing('start'), newEvent()));
        for (let round = 0; round < 5; round++) {
          const on = (mine: string, theirs: string) =>
            store.append({
              ...under({ items: [{ tags: [`${theirs}:${round}`] }], ...behind(1n) }),
              streams: [to(thing(`${mine}${round}`), 'ANY', newEvent({ tags: [`${mine}:${round}`] }))],
            });
          const outcomes = await Promise.all([on('left', 'right'), on('right', 'left')]);
          expect(outcomes.filter(({ outcome }) => outcome === 'APPENDED').length).toBe(1);
        }
      }),
    );
  });
}
