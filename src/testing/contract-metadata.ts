import type { Filter, MetadataComparison } from '../core/filter.js';
import { appendTo, loaded, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

const NUMBERS = ['0', '-0', '1', '1.0', '1e2', '100', '99.9', '-5', '1e-3', '0.001'];
const LARGE = ['9007199254740992', '9007199254740993', `1${'0'.repeat(40)}`, '1e40'];
const TEXTS = ['', 'true', 'false', 'True', 'null', ' 1', '01', 'abc', 'ABC', 'a\nb', 'é', "a'b", 'a%b'];
const VALUES = [...NUMBERS, ...LARGE, ...TEXTS, '\uffff', '😀'];

/** Row B4: comparisons of metadata, as strings, numbers and booleans, and regular expressions. */
export function metadataContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  const compare = (comparison: Omit<MetadataComparison, 'key'>): MetadataComparison => ({
    key: 'k',
    ...comparison,
  });
  const number = (operator: MetadataComparison['operator'], ...values: string[]) =>
    compare({ operator, kind: 'NUMBER', values });
  const text = (operator: MetadataComparison['operator'], ...values: string[]) =>
    compare({ operator, values });

  describe('a comparison of metadata', () => {
    const cases: readonly [string, MetadataComparison, readonly string[]][] = [
      ['of text, equal to the letter', text('EQUAL', '1.0'), ['1.0']],
      ['of text, empty', text('EQUAL', ''), ['']],
      ['of text, more by the bytes of UTF-8', text('GREATER', 'é'), ['\uffff', '😀']],
      ['of text, at least the last in UTF-16', text('GREATER_OR_EQUAL', '\uffff'), ['\uffff', '😀']],
      ['of text, less', text('LESS', '-5'), ['', '-0', ' 1']],
      ['of text with a quote', text('IN', "a'b", 'a%b', 'abc'), ["a'b", 'a%b', 'abc']],
      ['of text that looks like a pattern of SQL', text('EQUAL', 'a%'), []],
      ['of numbers, equal in value', number('EQUAL', '1'), ['1', '1.0']],
      ['of numbers, equal in value with exponents', number('EQUAL', '1E+2'), ['1e2', '100']],
      ['of numbers, zero and its negative', number('EQUAL', '0.0'), ['0', '-0']],
      ['of numbers, small', number('EQUAL', '1.0e-3'), ['1e-3', '0.001']],
      [
        'of numbers, exact beyond doubles',
        number('GREATER', '9007199254740992'),
        ['9007199254740993', `1${'0'.repeat(40)}`, '1e40'],
      ],
      ['of numbers, large', number('EQUAL', '10e39'), [`1${'0'.repeat(40)}`, '1e40']],
      ['of numbers, less', number('LESS', '0.001'), ['0', '-0', '-5']],
      ['of numbers, some of several', number('IN', '1', '-5.0', '7'), ['1', '1.0', '-5']],
      ['of booleans', compare({ operator: 'EQUAL', kind: 'BOOLEAN', values: ['true'] }), ['true']],
      [
        'of booleans, both',
        compare({ operator: 'IN', kind: 'BOOLEAN', values: ['true', 'false'] }),
        ['true', 'false'],
      ],
      ['with a pattern, anywhere', text('MATCHES', 'b'), ['abc', 'a\nb', "a'b", 'a%b']],
      [
        'with a pattern, at the ends',
        text('MATCHES', '^[0-9]+$'),
        ['0', '1', '100', '9007199254740992', '9007199254740993', `1${'0'.repeat(40)}`, '01'],
      ],
      ['with a pattern, in either case', text('MATCHES', '(?i)^abc$'), ['abc', 'ABC']],
      [
        'with a pattern, by characters and not by halves',
        text('MATCHES', '^[^a-zA-Z0-9]$'),
        ['é', '\uffff', '😀'],
      ],
    ];
    it(
      'finds the events for which it holds, and its opposite all others',
      withStore(async (store) => {
        await store.append({
          streams: [
            to(thing('a'), 'ANY', ...VALUES.map((k) => newEvent({ metadata: { k } }))),
            to(thing('none'), 'ANY', newEvent()),
          ],
        });
        const found = async (comparison: MetadataComparison) =>
          (await loaded(store, { filters: [{ metadata: [comparison] }] })).map(
            ({ metadata }) => metadata['k'],
          );
        for (const [what, comparison, expected] of cases) {
          const values = VALUES.filter((value) => expected.includes(value));
          expect([what, await found(comparison)]).toEqual([what, values]);
          const opposite = ({ EQUAL: 'NOT_EQUAL', IN: 'NOT_IN' } as Record<string, 'NOT_EQUAL' | 'NOT_IN'>)[
            comparison.operator
          ];
          if (opposite === undefined) continue;
          // What is of another kind, or not there, is not equal to anything either.
          const others = [...VALUES.filter((value) => !expected.includes(value)), undefined];
          expect([what, await found({ ...comparison, operator: opposite })]).toEqual([what, others]);
        }
      }),
    );

    it(
      'holds with others of its filter, and beside other filters',
      withStore(async (store) => {
        await store.append(
          appendTo(
            thing('a'),
            ...Array.from({ length: 12 }, (_, index) =>
              newEvent({
                metadata: { n: String(index), third: String(index % 3 === 0) },
                tags: [`n:${index % 2}`],
              }),
            ),
          ),
        );
        const third: MetadataComparison = {
          key: 'third',
          operator: 'EQUAL',
          kind: 'BOOLEAN',
          values: ['true'],
        };
        const above: MetadataComparison = { key: 'n', operator: 'GREATER', kind: 'NUMBER', values: ['5'] };
        const found = async (...filters: Filter[]) =>
          (await loaded(store, { filters })).map(({ metadata }) => Number(metadata['n']));
        expect(await found({ metadata: [third, above] })).toEqual([6, 9]);
        expect(await found({ metadata: [third] }, { metadata: [above] })).toEqual([0, 3, 6, 7, 8, 9, 10, 11]);
        expect(await found({ metadata: [third], tags: ['n:1'] }, { versions: { last: 2n } })).toEqual([
          0, 1, 3, 9,
        ]);
      }),
    );

    it(
      'is refused where it says nothing, by the name of its field',
      withStore(async (store) => {
        await store.append(appendTo(thing('a'), newEvent()));
        const wrong: readonly [MetadataComparison, string][] = [
          [{ key: '', operator: 'EQUAL', values: ['a'] }, 'key'],
          [text('EQUAL'), 'values'],
          [text('EQUAL', 'a', 'b'), 'values'],
          [text('NOT_IN'), 'values'],
          [text('IN', ...Array.from({ length: 101 }, () => 'a')), 'values'],
          [text('EQUAL', 'a\u0000'), 'values[0]'],
          [number('IN', '1', 'one'), 'values[1]'],
          [compare({ operator: 'EQUAL', kind: 'BOOLEAN', values: ['yes'] }), 'values[0]'],
          [compare({ operator: 'LESS', kind: 'BOOLEAN', values: ['true'] }), 'operator'],
          [number('MATCHES', '1'), 'kind'],
          [text('MATCHES', '(a'), 'values[0]'],
          [text('MATCHES', '(?=a)'), 'values[0]'],
          [text('MATCHES', 'x'.repeat(257)), 'values[0]'],
        ];
        for (const [comparison, field] of wrong)
          await expect(loaded(store, { filters: [{}, { metadata: [comparison] }] })).rejects.toMatchObject({
            reason: 'INVALID_REQUEST',
            violations: [{ field: `filters[1].metadata[0].${field}` }],
          });
      }),
    );
  });
}
