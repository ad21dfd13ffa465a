import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aggregateType, eventType, matcher } from '../../src/core/event-matcher.js';
import { checkedPrefix, coveringPattern, topicName, topicOf, topicPatterns } from '../../src/relay/topic.js';

const of = (type: string, event: string) => ({
  stream: { aggregateType: type, aggregateId: '1' },
  eventType: event,
});

describe('a topic', () => {
  it('is prefix, aggregate type and event type', () => {
    expect(topicOf('headwater', of('Account', '$stream-deleted'))).toBe('headwater.Account.$stream-deleted');
  });

  it('has nothing in a name that a broker would take for more', () => {
    expect(topicName('a.b c*#>é%')).toBe('a%2Eb%20c%2A%23%3E%C3%A9%25');
  });

  it('fits into 255 bytes, and differs where names differ, whatever they are', () => {
    const names = fc.string({ minLength: 1, maxLength: 255, unit: 'grapheme' });
    fc.assert(
      fc.property(names, names, (one, other) => {
        const topic = topicOf('p'.repeat(63), of(one, other));
        expect(topic.length).toBeLessThanOrEqual(255);
        expect(topic.split('.')).toHaveLength(3);
        expect(topic).toMatch(/^[A-Za-z0-9_.$%~-]+$/);
        expect(topicName(one) === topicName(other)).toBe(one === other);
      }),
    );
    const long = 'x'.repeat(200);
    expect(topicName(`${long}a`)).not.toBe(topicName(`${long}b`));
    expect(topicName(long)).toHaveLength(95);
  });

  it.each(['', 'a b', 'a..b', '.a', 'a*', 'x'.repeat(64)])('has no prefix %j', (prefix) => {
    expect(() => checkedPrefix(prefix)).toThrow(RangeError);
  });
});

describe('the topics of matchers', () => {
  it('are all without matchers, and where one matches all', () => {
    expect(topicPatterns('p', [])).toEqual(['p.*.*']);
    expect(topicPatterns('p', [matcher(), eventType('Opened')])).toEqual(['p.*.*']);
  });

  it('name what is named', () => {
    expect(topicPatterns('p', [eventType('A', 'B').aggregateType('C'), aggregateType('D')])).toEqual([
      'p.C.A',
      'p.C.B',
      'p.D.*',
    ]);
  });

  it('are fewer and wider where there would be too many', () => {
    const many = Array.from({ length: 30 }, (_, index) => `T${index}`);
    expect(topicPatterns('p', [eventType(...many).aggregateType(...many)])).toHaveLength(30);
    const more = Array.from({ length: 201 }, (_, index) => `T${index}`);
    expect(topicPatterns('p', [aggregateType(...more)])).toEqual(['p.*.*']);
  });

  it('are covered by one', () => {
    expect(coveringPattern('p', [eventType('A').aggregateType('C')])).toBe('p.C.A');
    expect(coveringPattern('p.q', [eventType('A', 'B').aggregateType('C')])).toBe('p.q.C.*');
    expect(coveringPattern('p', [eventType('A'), aggregateType('C')])).toBe('p.*.*');
    expect(coveringPattern('p', [])).toBe('p.*.*');
  });
});
