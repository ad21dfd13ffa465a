import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { AppendRequest } from '../core/append.js';
import { expectedVersionFrom, newEventFromJson, object, streamFrom } from './event-json.js';
import { UsageError } from './exit-codes.js';

/** One request, and the line where it stood. */
export interface InputLine {
  readonly line: number;
  readonly request: AppendRequest;
}

/** A line that is no request. */
export class BadLineError extends UsageError {
  constructor(
    readonly line: number,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

const LINE_BYTES = 8 * 1024 * 1024;

/**
 * The requests of an NDJSON file, or of standard input for `-`, one line at a time. Throws `UsageError` naming the line.
 */
export async function* readRequests(file: string): AsyncGenerator<InputLine, void, undefined> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let line = 0;
  try {
    for await (const text of lines) {
      line += 1;
      if (text.trim() === '') continue;
      if (text.length > LINE_BYTES) throw new BadLineError(line, `is longer than ${LINE_BYTES} bytes`);
      yield { line, request: requestFromLine(text, line) };
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && 'syscall' in error)
      throw new UsageError(`${file} cannot be read: ${error.message}`, { cause: error });
    throw error;
  } finally {
    lines.close();
    if (input !== process.stdin) input.destroy();
  }
}

const EVENT_KEYS =
  'event_type type event_id data data_base64 content_type metadata tags schema_version'.split(' ');
/** Where an event stands, or is to stand. */
const PLACE_KEYS = ['stream', 'expected_version', 'position', 'version', 'recorded_at'];

/** A misspelt key must not be taken for a missing one: it may have been the guard. */
function onlyKeys(fields: Record<string, unknown>, allowed: readonly string[], what: string): void {
  for (const key of Object.keys(fields))
    if (!allowed.includes(key))
      throw new UsageError(`${what} has ${JSON.stringify(key)}; it may have ${allowed.join(', ')}`);
}

function requestFromLine(text: string, line: number): AppendRequest {
  try {
    return requestFromJson(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof UsageError)
      throw new BadLineError(line, error.message, error);
    throw error;
  }
}

/**
 * An event with its stream, or `{ "streams": [{ stream, expected_version, events }] }` for one atomic append over several
 * streams. What an event of the log has besides (position, version, recorded_at) is left aside: the store gives new ones.
 */
export function requestFromJson(value: unknown): AppendRequest {
  const fields = object(value, 'a line');
  if (Array.isArray(fields['streams'])) {
    onlyKeys(fields, ['streams'], 'a line with streams');
    return {
      streams: fields['streams'].map((one) => {
        const entry = object(one, 'an entry of streams');
        onlyKeys(entry, ['stream', 'expected_version', 'events'], 'an entry of streams');
        const events = entry['events'] ?? [];
        if (!Array.isArray(events)) throw new UsageError('events must be a list');
        return {
          stream: streamFrom(entry['stream']),
          expectedVersion: expectedVersionFrom(entry['expected_version'] ?? 'any'),
          events: events.map((event) => {
            onlyKeys(object(event, 'an event'), EVENT_KEYS, 'an event');
            return newEventFromJson(event);
          }),
        };
      }),
    };
  }
  onlyKeys(fields, [...EVENT_KEYS, ...PLACE_KEYS], 'a line');
  if (fields['stream'] === undefined) throw new UsageError('stream is missing: "AggregateType/aggregate-id"');
  return {
    streams: [
      {
        stream: streamFrom(fields['stream']),
        expectedVersion: expectedVersionFrom(fields['expected_version'] ?? 'any'),
        events: [newEventFromJson(fields)],
      },
    ],
  };
}
