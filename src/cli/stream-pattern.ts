import type { StreamPattern } from '../core/filter.js';
import { streamFrom } from './event-json.js';
import { UsageError } from './exit-codes.js';

/** `Account/42`, `Account/4*` (ids that begin so), `Account/*` (all), and `*` as any type; `patternText` writes it. Throws `UsageError`. */
export function streamPattern(text: string): StreamPattern {
  const slash = text.indexOf('/');
  if (slash <= 0 || slash === text.length - 1)
    throw new UsageError(`${JSON.stringify(text)} names no streams: write type/id, type/prefix* or type/*`);
  const { aggregateType, aggregateId } = streamFrom(text);
  return {
    ...(aggregateType === '*' ? {} : { aggregateType }),
    ...(aggregateId === '*'
      ? {}
      : aggregateId.endsWith('*')
        ? { aggregateIdPrefix: aggregateId.slice(0, -1) }
        : { aggregateId }),
  };
}
