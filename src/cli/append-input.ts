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
      if (text.length > LINE_BYTES) throw new UsageError(`Line ${line} is longer than ${LINE_BYTES} bytes`);
      yield { line, request: requestFromLine(text, line) };
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && 'path' in error)
      throw new UsageError(`${file} cannot be read: ${error.message}`, { cause: error });
    throw error;
  } finally {
    lines.close();
    if (input !== process.stdin) input.destroy();
  }
}

function requestFromLine(text: string, line: number): AppendRequest {
  try {
    return requestFromJson(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof UsageError)
      throw new UsageError(`Line ${line}: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * An event with its stream, or `{ "streams": [{ stream, expected_version, events }] }` for one atomic append over several
 * streams. What an event of the log has besides (position, version, recorded_at) is left aside: the store gives new ones.
 */
export function requestFromJson(value: unknown): AppendRequest {
  const fields = object(value, 'a line');
  if (Array.isArray(fields['streams']))
    return {
      streams: fields['streams'].map((one) => {
        const entry = object(one, 'an entry of streams');
        const events = entry['events'] ?? [];
        if (!Array.isArray(events)) throw new UsageError('events must be a list');
        return {
          stream: streamFrom(entry['stream']),
          expectedVersion: expectedVersionFrom(entry['expected_version'] ?? 'any'),
          events: events.map(newEventFromJson),
        };
      }),
    };
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
