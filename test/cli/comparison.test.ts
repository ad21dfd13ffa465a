import { describe, expect, it } from 'vitest';
import { comparisonFrom, comparisonFromJson } from '../../src/cli/comparison.js';
import { UsageError } from '../../src/cli/exit-codes.js';

describe('a comparison of --where', () => {
  it.each([
    ['region = eu', { key: 'region', operator: 'EQUAL', values: ['eu'] }],
    ['region=eu', { key: 'region', operator: 'EQUAL', values: ['eu'] }],
    ['region != eu west', { key: 'region', operator: 'NOT_EQUAL', values: ['eu west'] }],
    ['amount:number >= 10', { key: 'amount', operator: 'GREATER_OR_EQUAL', kind: 'NUMBER', values: ['10'] }],
    ['amount:number>-1.5e3', { key: 'amount', operator: 'GREATER', kind: 'NUMBER', values: ['-1.5e3'] }],
    ['a:number < 3', { key: 'a', operator: 'LESS', kind: 'NUMBER', values: ['3'] }],
    ['a <= b', { key: 'a', operator: 'LESS_OR_EQUAL', values: ['b'] }],
    ['paid:boolean = true', { key: 'paid', operator: 'EQUAL', kind: 'BOOLEAN', values: ['true'] }],
    ['region:string = eu', { key: 'region', operator: 'EQUAL', values: ['eu'] }],
    ['region in eu,us', { key: 'region', operator: 'IN', values: ['eu', 'us'] }],
    ['region not-in eu , us', { key: 'region', operator: 'NOT_IN', values: ['eu', 'us'] }],
    ['n:number in 1,2', { key: 'n', operator: 'IN', kind: 'NUMBER', values: ['1', '2'] }],
    ['in in in', { key: 'in', operator: 'IN', values: ['in'] }],
    ['name ~ ^A.*(b|c)$', { key: 'name', operator: 'MATCHES', values: ['^A.*(b|c)$'] }],
    ['name = a = b', { key: 'name', operator: 'EQUAL', values: ['a = b'] }],
    ['"my key" = "a, b"', { key: 'my key', operator: 'EQUAL', values: ['a, b'] }],
    ['"app:region"="eu"', { key: 'app:region', operator: 'EQUAL', values: ['eu'] }],
    [String.raw`k = "say \"hi\"\n"`, { key: 'k', operator: 'EQUAL', values: ['say "hi"\n'] }],
    ['k in "a,b", "" ,c', { key: 'k', operator: 'IN', values: ['a,b', '', 'c'] }],
    ['k = "=>"', { key: 'k', operator: 'EQUAL', values: ['=>'] }],
    ['k in "=a",b', { key: 'k', operator: 'IN', values: ['=a', 'b'] }],
    ['k = ""', { key: 'k', operator: 'EQUAL', values: [''] }],
    [`k = '); DROP TABLE events; --`, { key: 'k', operator: 'EQUAL', values: [`'); DROP TABLE events; --`] }],
    ['__proto__ = constructor', { key: '__proto__', operator: 'EQUAL', values: ['constructor'] }],
  ])('reads %s', (text, comparison) => {
    expect(comparisonFrom(text)).toEqual(comparison);
  });

  it.each([
    ['region', 'is no comparison: write a key'],
    ['', 'is no comparison'],
    ['my key = x', 'stands in double quotes'],
    ['region = ', 'write "" for the empty text'],
    ['region in ', 'empty or broken value'],
    ['region in eu,,us', 'empty or broken value'],
    ['region in "eu', 'empty or broken value'],
    ['region = "eu', 'begins with a quote and is no JSON string'],
    ['amount:numbr > 3', 'has the kind "numbr": write :string, :number or :boolean'],
    ['amount:constructor > 3', 'has the kind "constructor"'],
    ['app:region = eu', 'a key that has ":" in double quotes'],
    ['amount:number > ten', 'has "ten", which is no number'],
    ['amount:number in 1,x', 'has "x", which is no number'],
    ['paid:boolean = yes', 'has "yes", which is neither true nor false'],
    ['paid:boolean > true', 'booleans take only'],
    ['amount:number ~ 1', 'which only strings can'],
    ['region == eu', 'has "= eu" behind its operator, which begins with another'],
    ['region => eu', 'has "> eu"'],
    ['region <> eu', 'has "> eu"'],
    ['amount:number >=> 5', 'has "> 5"'],
    ['region =! eu', 'a value that begins so stands in double quotes'],
    ['region !== eu', 'has "= eu"'],
    ['region in eu,>5', 'has ">5"'],
  ])('refuses %s and names it', (text, problem) => {
    expect(() => comparisonFrom(text)).toThrow(UsageError);
    expect(() => comparisonFrom(text)).toThrow(problem);
    expect(() => comparisonFrom(text)).toThrow(JSON.stringify(text));
  });
});

describe('a comparison in the JSON of --filter', () => {
  it('may be a text or an object', () => {
    expect(comparisonFromJson('a > b')).toEqual({ key: 'a', operator: 'GREATER', values: ['b'] });
    expect(comparisonFromJson({ key: 'my key', value: 'x' })).toEqual({
      key: 'my key',
      operator: 'EQUAL',
      values: ['x'],
    });
    expect(
      comparisonFromJson({ key: 'n', operator: 'in', kind: 'number', values: [1, '90071992547409931'] }),
    ).toEqual({ key: 'n', operator: 'IN', kind: 'NUMBER', values: ['1', '90071992547409931'] });
  });

  it.each([
    [{ key: 'n', operator: '=>', value: 1 }, 'has the operator "=>"'],
    [{ operator: '=', value: 1 }, 'has no key'],
    [{ key: 'n', value: 1, values: [1] }, 'either value or values'],
    [{ key: 'n' }, 'either value or values'],
    [{ key: 'n', value: 90071992547409931n.toString(), kind: 'num' }, 'has the kind "num"'],
    [{ key: 'n', value: 2 ** 60, kind: 'number' }, 'write large numbers as text'],
    [{ key: 'n', values: ['1', '2'] }, 'only in and not-in take several'],
    [{ key: 'n', val: 1 }, 'has "val"'],
    [7, 'must be a JSON object'],
  ])('refuses %j', (value, problem) => {
    expect(() => comparisonFromJson(value)).toThrow(problem);
  });
});
