import {
  byteaArray,
  byteaArrayOfLatin1,
  int4Array,
  jsonbArray,
  textArray,
  uuidArray,
} from './binary-array.js';
import type { PreparedEvent } from './prepared-append.js';

/** What the events of a group carry, in the order of the functions' parameters, from `event_ids` to `event_schema_versions`. */
export function eventParameters(events: readonly PreparedEvent[]): readonly (Buffer | null)[] {
  return [
    uuidArray(events.map(({ id }) => id)),
    textArray(events.map(({ type }) => type)),
    byteaArray(events.map(({ data }) => data)),
    byteaArrayOfLatin1(events.map(({ hash }) => hash)),
    textArray(events.map(({ contentType }) => contentType)),
    jsonbArray(events.map(({ metadata }) => metadata)),
    events.some(({ tagList }) => tagList.length > 0) ? textArray(events.map(({ tags }) => tags)) : null,
    int4Array(events.map(({ schemaVersion }) => schemaVersion)),
  ];
}
