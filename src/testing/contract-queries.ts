import type { EventStore } from '../core/event-store.js';
import type { ComparisonOperator, Filter, MetadataComparison, Scope } from '../core/filter.js';
import { appendTo, jsonOf, loaded, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

const first = thing('first');
const second = thing('second');

/** Rows B1 to B6 together, as questions that applications ask; and B9 where there is one instance. */
export function queriesContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  /** Ten events with the data 1 to 10, odd ones in the first stream, whose metadata say the same in text. */
  const ten = async (store: EventStore) => {
    for (let number = 1; number <= 10; number++)
      await store.append(
        appendTo(
          number % 2 ? first : second,
          newEvent({
            json: number,
            eventType: number > 5 ? 'Late' : 'Early',
            metadata: {
              number: String(number),
              even: String(number % 2 === 0),
              name: ['zero', 'one', 'two'][number % 3] ?? '',
              ...(number === 4 ? { only: 'here' } : {}),
            },
          }),
        ),
      );
  };
  const where = (
    key: string,
    operator: ComparisonOperator,
    values: readonly string[],
  ): MetadataComparison => ({
    key,
    operator,
    kind: key === 'number' ? 'NUMBER' : key === 'even' ? 'BOOLEAN' : 'STRING',
    values,
  });
  const all = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const ofFirst: Scope = { kind: 'STREAM', stream: first };

  describe('a query', () => {
    const cases: readonly [string, Scope | undefined, readonly Filter[], number[]][] = [
      ['for all', undefined, [], all],
      ['from the fifth on, itself included', undefined, [{ positions: { first: 5n } }], [5, 6, 7, 8, 9, 10]],
      ['for one aggregate', ofFirst, [], [1, 3, 5, 7, 9]],
      ['for one aggregate from a version on', ofFirst, [{ versions: { first: 3n } }], [5, 7, 9]],
      ['for one version of one aggregate', ofFirst, [{ versions: { first: 2n, last: 2n } }], [3]],
      ['for one version of all aggregates', undefined, [{ versions: { first: 2n, last: 2n } }], [3, 4]],
      [
        'for versions of all aggregates, by types',
        undefined,
        [{ versions: { first: 3n }, eventTypes: ['Early'] }],
        [5],
      ],
      [
        'for a range of numbers, ends included',
        undefined,
        [
          {
            metadata: [where('number', 'GREATER_OR_EQUAL', ['3']), where('number', 'LESS_OR_EQUAL', ['7.0'])],
          },
        ],
        [3, 4, 5, 6, 7],
      ],
      [
        'for a range of numbers, ends excluded',
        undefined,
        [{ metadata: [where('number', 'GREATER', ['3']), where('number', 'LESS', ['1e1'])] }],
        [4, 5, 6, 7, 8, 9],
      ],
      [
        'for a range that is empty',
        undefined,
        [{ metadata: [where('number', 'GREATER', ['7']), where('number', 'LESS', ['3'])] }],
        [],
      ],
      ['for true', undefined, [{ metadata: [where('even', 'EQUAL', ['true'])] }], [2, 4, 6, 8, 10]],
      ['for not true', ofFirst, [{ metadata: [where('even', 'NOT_EQUAL', ['true'])] }], [1, 3, 5, 7, 9]],
      ['for some of several', undefined, [{ metadata: [where('name', 'IN', ['one', 'no'])] }], [1, 4, 7, 10]],
      ['for none of several', ofFirst, [{ metadata: [where('name', 'NOT_IN', ['one', 'two'])] }], [3, 9]],
      ['by a pattern', undefined, [{ metadata: [where('name', 'MATCHES', ['^.{4}$'])] }], [3, 6, 9]],
      ['for an aggregate that is not there', { kind: 'STREAMS', streams: [thing('no')] }, [], []],
      ['for a field that is missing', undefined, [{ metadata: [where('no', 'EQUAL', ['here'])] }], []],
      [
        'for a field that mostly is missing',
        undefined,
        [{ metadata: [where('only', 'EQUAL', ['here'])] }],
        [4],
      ],
      [
        'for what a field that mostly is missing is not',
        undefined,
        [{ metadata: [where('only', 'NOT_EQUAL', ['here'])] }],
        all.filter((number) => number !== 4),
      ],
      [
        'for a field whose name would end a statement',
        undefined,
        [{ metadata: [where("number' = '1'; DROP TABLE events; --", 'EQUAL', ['1'])] }],
        [],
      ],
      [
        'for one thing or another, which some events are both',
        undefined,
        [
          { metadata: [where('even', 'EQUAL', ['true'])] },
          { metadata: [where('number', 'GREATER', ['7'])] },
          { versions: { last: 1n } },
        ],
        [1, 2, 4, 6, 8, 9, 10],
      ],
    ];
    for (const [what, scope, filters, expected] of cases)
      it(
        what,
        withStore(async (store) => {
          await ten(store);
          const request = { ...(scope ? { scope } : {}), filters };
          const backwards = await loaded(store, { ...request, direction: 'BACKWARDS' });
          expect((await loaded(store, request)).map(jsonOf)).toEqual(expected);
          expect(backwards.map(jsonOf)).toEqual([...expected].reverse());
          expect((await loaded(store, { ...request, limit: 2n })).map(jsonOf)).toEqual(expected.slice(0, 2));
          expect(await store.countEvents(request)).toMatchObject({ count: BigInt(expected.length) });
          expect((await loaded(store)).length).toBe(10);
        }),
      );
  });

  describe('a stream of many events', () => {
    it(
      'is in order far beyond what one byte counts, from any version on, which is included',
      withStore(async (store) => {
        for (let batch = 0; batch < 6; batch++)
          await store.append({
            streams: [
              to(
                first,
                'ANY',
                ...Array.from({ length: 100 }, (_, index) => newEvent({ json: batch * 100 + index + 1 })),
              ),
              to(second, 'ANY', newEvent()),
            ],
          });
        const numbers = Array.from({ length: 600 }, (_, index) => index + 1);
        expect((await loaded(store, { scope: ofFirst })).map(jsonOf)).toEqual(numbers);
        for (const from of [1, 2, 255, 256, 257, 600]) {
          const filters = [{ versions: { first: BigInt(from) } }];
          const events = await loaded(store, { scope: ofFirst, filters });
          expect(events.map(({ version }) => Number(version))).toEqual(numbers.slice(from - 1));
          const [newest] = await loaded(store, {
            scope: ofFirst,
            filters,
            direction: 'BACKWARDS',
            limit: 1n,
          });
          expect(newest?.version).toBe(600n);
        }
      }),
    );
  });

  describe('a read behind a position', () => {
    it(
      'has it where the log has come so far',
      withStore(async (store) => {
        for (let number = 1; number <= 5; number++) {
          const { lastPosition, epoch } = await store.append(appendTo(first, newEvent()));
          for (const minPosition of [{ position: lastPosition }, { position: lastPosition, epoch }])
            expect((await loaded(store, { minPosition })).length).toBe(number);
        }
        expect((await loaded(store, { minPosition: { position: 0n }, staleOk: true })).length <= 5).toBe(
          true,
        );
      }),
    );

    it(
      'is refused where the log has not, in time, and for an epoch that it does not know',
      withStore(async (store) => {
        await store.append(appendTo(first, newEvent()));
        const reasonOf = async (position: bigint, epoch: bigint) => {
          try {
            for await (const page of store.load(
              { minPosition: { position, epoch } },
              { timeoutMilliseconds: 500 },
            ))
              return page;
            return undefined;
          } catch (error) {
            return (error as { reason?: string }).reason;
          }
        };
        // Whether it may still come depends on who else writes to the log.
        const reason = await reasonOf(99n, 1n);
        expect(reason === 'POSITION_NOT_REACHED' || reason === 'POSITION_UNKNOWN').toBe(true);
        expect(await reasonOf(1n, 9n)).toBe('POSITION_UNKNOWN');
      }),
    );
  });
}
