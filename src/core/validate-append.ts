import type { AppendCondition, AppendRequest, CommandEntry, StreamAppend } from './append.js';
import type { NewEvent } from './event.js';
import type { ExpectedVersion } from './expected-version.js';
import {
  APPEND_STREAMS,
  CONDITION_ITEMS,
  CONDITION_NAMES,
  INTERVENING_BYTES,
  type Limits,
  MAX_BIGINT,
  MAX_INTEGER,
} from './limits.js';
import { type StreamId, streamKey } from './stream.js';
import type { LogPosition } from './subscribe.js';
import { isUuid } from './uuid-text.js';
import {
  isObject,
  kindOf,
  nameProblem,
  notText,
  textProblem,
  typeNameProblem,
  utf8Bytes,
  Violations,
} from './validate.js';

/** Throws `InvalidRequestError` with every field that is wrong; field paths are in the words of the protos. */
export function validateAppend(request: AppendRequest, limits: Limits): void {
  const violations = new AppendViolations();
  const { streams } = request;
  if (!Array.isArray(streams)) {
    violations.add('streams', `must be a list, it is ${kindOf(streams)}`);
    violations.throwIfAny();
  }
  if (streams.length === 0) violations.add('streams', 'must name at least one stream');
  if (streams.length > APPEND_STREAMS)
    violations.add('streams', `has ${streams.length} streams, the limit is ${APPEND_STREAMS}`);
  let events = 0;
  for (let index = 0; index < streams.length; index++) {
    const entry = streams[index];
    if (isObject(entry) && Array.isArray(entry.events)) events += entry.events.length;
    else violations.add(`streams[${index}].events`, 'must be a list');
  }
  if (events > limits.appendEvents)
    violations.add('streams', `has ${events} events, the limit of one append is ${limits.appendEvents}`);
  // Over-long requests, and those of another shape, are not looked at any closer.
  violations.throwIfAny();

  if (request.condition !== undefined) validateCondition(request.condition, violations);
  if (request.command !== undefined) validateEntryOfCommand(request.command, violations);
  const { interveningBytes = 0 } = request;
  if (!(Number.isInteger(interveningBytes) && interveningBytes >= 0 && interveningBytes <= INTERVENING_BYTES))
    violations.add('intervening_bytes', `is ${interveningBytes}, it must be from 0 to ${INTERVENING_BYTES}`);
  const seen: Seen = {
    streams: streams.length > 1 ? new Set() : undefined,
    ids: events > 1 ? new Set() : undefined,
  };
  let bytes = 0;
  for (let index = 0; index < streams.length; index++) {
    violations.stream = index;
    bytes += validateEntry(streams[index], limits, seen, violations);
  }
  violations.stream = undefined;
  if (bytes > limits.appendBytes)
    violations.add('streams', `is ${bytes} bytes in all, the limit of one append is ${limits.appendBytes}`);
  violations.throwIfAny();
}

/** What is wrong with an append, of which nearly always nothing is: only then the path of an entry or event becomes a text. */
class AppendViolations extends Violations {
  /** Which entry fields are of; the request's own if of none. */
  stream: number | undefined;
  /** And of which of its events. */
  event: number | undefined;

  override add(field: string, description: string): void {
    super.add(this.#path(field), description);
  }

  #path(field: string): string {
    if (this.stream === undefined) return field;
    const entry = `streams[${this.stream}]`;
    if (this.event === undefined) return `${entry}.${field}`;
    const event = `${entry}.events[${this.event}]`;
    return field === '' ? event : `${event}.${field}`;
  }
}

/** Bytes of the SHA-256 of a command … */
const BODY_HASH_BYTES = 32;
/** … and of its result. */
const COMMAND_RESULT_BYTES = 64 * 1024;

function validateEntryOfCommand(command: CommandEntry, violations: Violations): void {
  const id = nameProblem(command.commandId);
  if (id !== undefined) violations.add('command.command_id', id);
  const type = typeNameProblem(command.commandType);
  if (type !== undefined) violations.add('command.command_type', type);
  const hash = command.bodyHash.byteLength;
  if (hash !== BODY_HASH_BYTES)
    violations.add('command.body_hash', `is ${hash} bytes long, it must be ${BODY_HASH_BYTES}`);
  const result = command.result.byteLength;
  if (result > COMMAND_RESULT_BYTES)
    violations.add('command.result', `is ${result} bytes long, the limit is ${COMMAND_RESULT_BYTES}`);
}

/** What an append has named so far; of what there is but one, nothing is kept. */
interface Seen {
  readonly streams: Set<string> | undefined;
  readonly ids: Set<string> | undefined;
}

function validateEntry(
  entry: StreamAppend,
  limits: Limits,
  seen: Seen,
  violations: AppendViolations,
): number {
  validateStream(entry.stream, 'stream', violations);
  if (seen.streams !== undefined && isObject(entry.stream)) {
    const key = streamKey(entry.stream);
    if (seen.streams.has(key)) violations.add('stream', 'is named twice in this append');
    seen.streams.add(key);
  }
  validateExpectedVersion(entry.expectedVersion, 'expected_version', violations);
  let bytes = 0;
  entry.events.forEach((event, index) => {
    violations.event = index;
    bytes += validateEvent(event, limits, seen.ids, violations);
  });
  violations.event = undefined;
  return bytes;
}

/** Adds what is wrong with an expected version. */
export function validateExpectedVersion(
  expected: ExpectedVersion,
  path: string,
  violations: Violations,
): void {
  if (typeof expected !== 'bigint') {
    if (expected !== 'ANY' && expected !== 'NO_STREAM' && expected !== 'STREAM_EXISTS')
      violations.add(
        path,
        `is ${kindOf(expected)}, it must be a bigint, as 3n, NO_STREAM, STREAM_EXISTS or ANY`,
      );
    return;
  }
  if (expected < 1n)
    violations.add(`${path}.exact`, 'must be at least 1; for a stream without events say no_stream');
  else if (expected > MAX_BIGINT)
    violations.add(`${path}.exact`, `is ${expected}, the limit is ${MAX_BIGINT}`);
}

function validateCondition(condition: AppendCondition, violations: Violations): void {
  const { items, after } = condition;
  if (items.length === 0 || items.length > CONDITION_ITEMS) {
    violations.add('condition.items', `has ${items.length} items, it must have from 1 to ${CONDITION_ITEMS}`);
    return;
  }
  let names = 0;
  for (const { eventTypes = [], tags = [] } of items) names += eventTypes.length + tags.length;
  if (names > CONDITION_NAMES) {
    violations.add(
      'condition.items',
      `has ${names} event types and tags in all, the limit is ${CONDITION_NAMES}`,
    );
    return;
  }
  items.forEach(({ eventTypes = [], tags = [] }, index) => {
    for (const [field, values] of [
      ['event_types', eventTypes],
      ['tags', tags],
    ] as const)
      values.forEach((value, place) => {
        const problem = nameProblem(value);
        if (problem !== undefined) violations.add(`condition.items[${index}].${field}[${place}]`, problem);
      });
  });
  if (after !== undefined) validateLogPosition(after, 'condition.after', violations);
}

/** Adds what is wrong with a place in the log. */
export function validateLogPosition(at: LogPosition, path: string, violations: Violations): void {
  for (const field of ['position', 'epoch'] as const) {
    const value = at[field] ?? 0n;
    if (value < 0n || value > MAX_BIGINT)
      violations.add(`${path}.${field}`, `is ${value}, it must be from 0 to ${MAX_BIGINT}`);
  }
}

/** Adds what is wrong with a stream's names. */
export function validateStream(stream: StreamId, path: string, violations: Violations): void {
  if (!isObject(stream))
    return violations.add(path, `is ${kindOf(stream)}, it must have aggregate type and id`);
  const type = typeNameProblem(stream.aggregateType);
  if (type !== undefined) violations.add(`${path}.aggregate_type`, type);
  const id = nameProblem(stream.aggregateId);
  if (id !== undefined) violations.add(`${path}.aggregate_id`, id);
}

function validateEvent(
  event: NewEvent,
  limits: Limits,
  ids: Set<string> | undefined,
  violations: Violations,
): number {
  if (!isObject(event)) {
    violations.add('', `is ${kindOf(event)}, it must be an event`);
    return 0;
  }
  if (event.eventId !== undefined && typeof event.eventId !== 'string')
    violations.add('event_id', notText(event.eventId));
  else if (event.eventId !== undefined) {
    const id = event.eventId.toLowerCase();
    if (!isUuid(id)) violations.add('event_id', `is ${quoted(event.eventId)}, which is not a UUID`);
    else if (ids?.has(id)) violations.add('event_id', `is ${id}, which stands twice in this append`);
    ids?.add(id);
  }
  const type = typeNameProblem(event.eventType);
  if (type !== undefined) violations.add('event_type', type);
  if (!isBytes(event.data)) {
    violations.add('data', `is ${kindOf(event.data)}, it must be bytes: a Uint8Array`);
    return 0;
  }
  if (event.data.byteLength > limits.eventDataBytes)
    violations.add('data', `is ${event.data.byteLength} bytes long, the limit is ${limits.eventDataBytes}`);
  if (event.contentType !== undefined) {
    const content = nameProblem(event.contentType);
    if (content !== undefined) violations.add('content_type', content);
  }
  const { schemaVersion } = event;
  if (
    schemaVersion !== undefined &&
    !(Number.isInteger(schemaVersion) && schemaVersion >= 1 && schemaVersion <= MAX_INTEGER)
  )
    violations.add('schema_version', `is ${schemaVersion}, it must be from 1 to ${MAX_INTEGER}`);
  return (
    event.data.byteLength +
    (type === undefined ? utf8Bytes(event.eventType) : 0) +
    validateMetadata(event.metadata, 'metadata', limits, violations) +
    validateTags(event.tags, limits, violations)
  );
}

/** Adds what is wrong with metadata; gives its bytes. */
export function validateMetadata(
  metadata: Readonly<Record<string, string>> | undefined,
  path: string,
  limits: Limits,
  violations: Violations,
): number {
  if (metadata === undefined) return 0;
  if (!isObject(metadata) || Array.isArray(metadata)) {
    violations.add(path, `is ${kindOf(metadata)}, it must be an object of texts`);
    return 0;
  }
  let bytes = 0;
  for (const key of Object.keys(metadata)) {
    const value = metadata[key] ?? '';
    const problem = nameProblem(key);
    if (problem !== undefined) violations.add(`${path}[${quoted(key)}]`, `the key ${problem}`);
    const text = textProblem(value);
    if (text === undefined) bytes += utf8Bytes(key) + utf8Bytes(value);
    else violations.add(`${path}[${quoted(key)}]`, text);
  }
  if (bytes > limits.eventMetadataBytes)
    violations.add(path, `is ${bytes} bytes long, the limit is ${limits.eventMetadataBytes}`);
  return bytes;
}

function validateTags(tags: readonly string[] | undefined, limits: Limits, violations: Violations): number {
  if (tags === undefined || tags.length === 0) return 0;
  if (!Array.isArray(tags)) {
    violations.add('tags', `must be a list, it is ${kindOf(tags)}`);
    return 0;
  }
  if (tags.length > limits.eventTags)
    violations.add('tags', `has ${tags.length} tags, the limit is ${limits.eventTags}`);
  let bytes = 0;
  tags.forEach((tag, index) => {
    const problem = nameProblem(tag);
    if (problem === undefined) bytes += utf8Bytes(tag);
    else violations.add(`tags[${index}]`, problem);
  });
  if (new Set(tags).size !== tags.length) violations.add('tags', 'has a tag twice');
  return bytes;
}

/** Bytes of another realm are bytes too. */
function isBytes(data: unknown): boolean {
  return data instanceof Uint8Array || Object.prototype.toString.call(data) === '[object Uint8Array]';
}

/** The value for a message: quoted, and cut if it is long. */
function quoted(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
