import type { Appended } from '../core/append.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import { appendTo, jsonOf, loaded, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Rows A1, A2, A4 and A9: atomic appends, expected versions, versions and positions. */
export function appendContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  describe('append to a new stream', () => {
    it(
      'gives versions and positions from 1',
      withStore(async (store) => {
        const appended = await store.append({
          streams: [to(thing('a'), 'NO_STREAM', newEvent(), newEvent())],
        });
        expect(appended).toMatchObject({
          outcome: 'APPENDED',
          firstPosition: 1n,
          lastPosition: 2n,
          versions: [{ stream: thing('a'), version: 2n }],
          epoch: 1n,
          deduplicated: false,
        });
        expect(appended.eventIds.length).toBe(2);
        expect((await loaded(store)).map(({ version, position }) => [version, position])).toEqual([
          [1n, 1n],
          [2n, 2n],
        ]);
      }),
    );
  });

  describe('an expected version', () => {
    const cases: readonly [ExpectedVersion, number, boolean][] = [
      ['NO_STREAM', 0, true],
      ['NO_STREAM', 2, false],
      ['STREAM_EXISTS', 0, false],
      ['STREAM_EXISTS', 2, true],
      ['ANY', 0, true],
      ['ANY', 2, true],
      [2n, 2, true],
      [1n, 2, false],
      [3n, 2, false],
      [1n, 0, false],
      [2n ** 53n + 1n, 2, false],
    ];
    for (const [expected, version, holds] of cases)
      it(
        `${expected} ${holds ? 'holds' : 'is refused'} for a stream at version ${version}`,
        withStore(async (store) => {
          for (let at = 0; at < version; at++) await store.append(appendTo(thing('a'), newEvent()));
          const request = { streams: [to(thing('a'), expected, newEvent())] };
          const conflict = { stream: thing('a'), expected, actual: BigInt(version) };
          if (holds) {
            expect((await store.append(request)).versions).toEqual([
              { stream: thing('a'), version: BigInt(version + 1) },
            ]);
          } else {
            await expect(store.append(request)).rejects.toMatchObject({
              reason: 'WRONG_EXPECTED_VERSION',
              outcome: 'NOT_APPLIED',
              conflicts: [conflict],
            });
            expect(await store.append({ ...request, onConflict: 'RETURN' })).toEqual({
              outcome: 'REFUSED',
              conflicts: [conflict],
            });
          }
          expect((await loaded(store)).length).toBe(version + (holds ? 1 : 0));
        }),
      );
  });

  describe('append to several streams', () => {
    it(
      'writes all of it, in the order of the request',
      withStore(async (store) => {
        await store.append(appendTo(thing('b'), newEvent({ json: 'before' })));
        const appended = await store.append({
          streams: [
            to(thing('a'), 'NO_STREAM', newEvent({ json: 1 }), newEvent({ json: 2 })),
            to(thing('b'), 1n, newEvent({ json: 3 })),
            to(thing('c', 'Other'), 'NO_STREAM', newEvent({ json: 4 })),
          ],
        });
        expect(appended.versions).toEqual([
          { stream: thing('a'), version: 2n },
          { stream: thing('b'), version: 2n },
          { stream: thing('c', 'Other'), version: 1n },
        ]);
        expect([appended.firstPosition, appended.lastPosition]).toEqual([2n, 5n]);
        expect((await loaded(store)).map(jsonOf)).toEqual(['before', 1, 2, 3, 4]);
      }),
    );

    it(
      'writes nothing if one stream is refused, and names all that are',
      withStore(async (store) => {
        await store.append(appendTo(thing('a'), newEvent()));
        const outcome = await store.append({
          onConflict: 'RETURN',
          streams: [
            to(thing('a'), 'NO_STREAM', newEvent()),
            to(thing('new'), 'NO_STREAM', newEvent()),
            to(thing('b'), 'STREAM_EXISTS', newEvent()),
            to(thing('c'), 4n),
          ],
        });
        expect(outcome).toEqual({
          outcome: 'REFUSED',
          conflicts: [
            { stream: thing('a'), expected: 'NO_STREAM', actual: 1n },
            { stream: thing('b'), expected: 'STREAM_EXISTS', actual: 0n },
            { stream: thing('c'), expected: 4n, actual: 0n },
          ],
        });
        expect((await loaded(store)).length).toBe(1);
      }),
    );

    it(
      'may check a stream without writing to it',
      withStore(async (store) => {
        await store.append(appendTo(thing('checked'), newEvent()));
        const appended = await store.append({
          streams: [to(thing('checked'), 1n), to(thing('written'), 'NO_STREAM', newEvent())],
        });
        expect(appended.versions).toEqual([{ stream: thing('written'), version: 1n }]);
        await expect(
          store.append({ streams: [to(thing('checked'), 2n), to(thing('written'), 1n, newEvent())] }),
        ).rejects.toMatchObject({ conflicts: [{ stream: thing('checked'), expected: 2n, actual: 1n }] });
        expect((await loaded(store)).length).toBe(2);
      }),
    );

    it(
      'may only check, and then has no position',
      withStore(async (store) => {
        await store.append(appendTo(thing('a'), newEvent()));
        expect(
          await store.append({ streams: [to(thing('a'), 1n), to(thing('b'), 'NO_STREAM')] }),
        ).toMatchObject({
          firstPosition: 0n,
          lastPosition: 0n,
          versions: [],
          eventIds: [],
          recordedAt: undefined,
        });
        expect((await loaded(store)).length).toBe(1);
      }),
    );
  });

  describe('an append that is given up before it is made', () => {
    it(
      'rejects with the reason, and writes nothing',
      withStore(async (store) => {
        const given = new AbortController();
        given.abort(new Error('no longer wanted'));
        await expect(
          store.append(appendTo(thing('a'), newEvent()), { signal: given.signal }),
        ).rejects.toMatchObject({ message: 'no longer wanted' });
        await store.append(appendTo(thing('b'), newEvent()));
        expect((await loaded(store)).map(({ stream }) => stream)).toEqual([thing('b')]);
      }),
    );
  });

  describe('appends at the same time', () => {
    it(
      'to one stream with one expected version: exactly one wins',
      withStore(async (store) => {
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            store.append({
              onConflict: 'RETURN',
              streams: [to(thing('a'), 'NO_STREAM', newEvent({ json: index }))],
            }),
          ),
        );
        expect(outcomes.filter(({ outcome }) => outcome === 'APPENDED').length).toBe(1);
        expect((await loaded(store)).length).toBe(1);
      }),
    );

    it(
      'have dense positions and versions, batches in one piece, and times that do not run backwards',
      withStore(async (store) => {
        const results = await Promise.all(
          Array.from({ length: 200 }, (_, index) =>
            store.append({
              streams: [
                to(thing(`s${index % 7}`), 'ANY', newEvent({ json: index }), newEvent({ json: index })),
                to(thing(`t${index % 3}`), 'ANY', newEvent({ json: index })),
              ],
            }),
          ),
        );
        const events = await loaded(store);
        expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => BigInt(index + 1)));
        expect(events.length).toBe(600);
        const versions = new Map<string, bigint>();
        let time = 0n;
        for (const event of events) {
          const version = (versions.get(event.stream.aggregateId) ?? 0n) + 1n;
          versions.set(event.stream.aggregateId, version);
          expect(event.version).toBe(version);
          expect(event.recordedAt >= time).toBe(true);
          time = event.recordedAt;
        }
        for (const [index, { firstPosition, lastPosition, recordedAt }] of (
          results as Appended[]
        ).entries()) {
          const batch = events.slice(Number(firstPosition) - 1, Number(lastPosition));
          expect(batch.map(jsonOf)).toEqual([index, index, index]);
          expect(batch.map((event) => event.recordedAt)).toEqual([recordedAt, recordedAt, recordedAt]);
        }
      }),
    );

    it(
      'of one caller are decided in the order in which they are made',
      withStore(async (store) => {
        const results = await Promise.all(
          Array.from({ length: 100 }, (_, index) =>
            store.append({
              streams: [to(thing('a'), index === 0 ? 'NO_STREAM' : BigInt(index), newEvent({ json: index }))],
            }),
          ),
        );
        expect(results.map(({ lastPosition }) => lastPosition)).toEqual(
          results.map((_, index) => BigInt(index + 1)),
        );
      }),
    );
  });
}
