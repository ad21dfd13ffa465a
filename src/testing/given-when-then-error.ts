import type { NewEvent } from '../core/event.js';

/** A test of an aggregate has failed; `expected` and `actual` are what test frameworks show. */
export class GivenWhenThenError extends Error {
  readonly expected: string;
  readonly actual: string;

  constructor(message: string, expected: string, actual: string | Error) {
    const came = typeof actual === 'string' ? actual : `${actual.name}: ${actual.message}`;
    super(
      `${message}\nexpected: ${expected}\ncame: ${came}`,
      actual instanceof Error ? { cause: actual } : {},
    );
    this.name = new.target.name;
    this.expected = expected;
    this.actual = came;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** An event as a line: its type, data and tags. */
export function shownAs({ eventType, data, contentType = '', tags = [] }: NewEvent): string {
  const text = contentType === 'application/json' ? sorted(JSON.parse(decoder.decode(data))) : data.join(' ');
  return [eventType, text, ...tags].join(' ');
}

/** JSON whose keys have one order, so that it is the same text whoever wrote it. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
