import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { AppendRequest } from '../core/append.js';
import { conditionFrom } from './append-condition.js';
import { expectedVersionFrom, newEventFromJson, object, onlyKeys, streamFrom } from './event-json.js';
import { UsageError } from './exit-codes.js';

/** One request, and the line where it stood. */
export interface InputLine {
  readonly line: number;
  readonly request: Pick<AppendRequest, 'streams' | 'condition'>;
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
 *
 * @param signal ends it, also while it waits for input
 */
export async function* readRequests(
  file: string,
  signal: AbortSignal,
): AsyncGenerator<InputLine, void, undefined> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const onAbort = () => lines.close();
  signal.addEventListener('abort', onAbort, { once: true });
  let line = 0;
  try {
    for await (const text of lines) {
      if (signal.aborted) return;
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
    signal.removeEventListener('abort', onAbort);
    lines.close();
    if (input !== process.stdin) input.destroy();
  }
}

const EVENT_KEYS =
  'event_type type event_id data data_base64 content_type metadata tags schema_version'.split(' ');
/** Where an event stands, or is to stand. */
const PLACE_KEYS = ['stream', 'expected_version', 'position', 'version', 'recorded_at'];

function requestFromLine(text: string, line: number): InputLine['request'] {
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
export function requestFromJson(value: unknown): Pick<AppendRequest, 'streams' | 'condition'> {
  const fields = object(value, 'a line');
  const condition =
    fields['condition'] === undefined ? {} : { condition: conditionFrom(fields['condition'], 'condition') };
  if (Array.isArray(fields['streams'])) {
    onlyKeys(fields, ['streams', 'condition'], 'a line with streams');
    return {
      ...condition,
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
  if (fields['erased'] === true)
    throw new UsageError('the event was erased, so there is nothing of it to append: leave it out');
  onlyKeys(fields, [...EVENT_KEYS, ...PLACE_KEYS, 'condition'], 'a line');
  if (fields['stream'] === undefined) throw new UsageError('stream is missing: "AggregateType/aggregate-id"');
  return {
    ...condition,
    streams: [
      {
        stream: streamFrom(fields['stream']),
        expectedVersion: expectedVersionFrom(fields['expected_version'] ?? 'any'),
        events: [newEventFromJson(fields)],
      },
    ],
  };
}
