import type { ExpectedVersion } from '../core/expected-version.js';
import { WrongExpectedVersionError } from '../core/errors.js';
import type { EventLog } from '../core/event-store.js';
import type { StreamId } from '../core/stream.js';
import { fileHistory } from './file-history.js';
import { callOptions } from './imported-history.js';

export interface StaleAppendOptions {
  readonly store: EventLog;
  /** A stream that has events. */
  readonly stream: StreamId;
  readonly signal?: AbortSignal | undefined;
}

export interface StaleAppend {
  readonly stream: StreamId;
  /** What the append believed. */
  readonly expected: ExpectedVersion;
  /** The refusal with its facts; nothing was written. */
  readonly error: WrongExpectedVersionError;
}

/**
 * Appends to a stream as someone would who read it before its last event was written, and returns the refusal.
 *
 * @throws {Error} if the append was not refused: then an event `Stale` is in the stream, and the store is broken.
 */
export async function staleAppend({ store, stream, signal }: StaleAppendOptions): Promise<StaleAppend> {
  const { version } = await fileHistory({ store, stream, limit: 1, signal });
  const expected = version > 1n ? version - 1n : 'NO_STREAM';
  const data = Buffer.from('{}');
  const events = [{ eventType: 'Stale', data, contentType: 'application/json' }];
  const request = { streams: [{ stream, expectedVersion: expected, events }], onConflict: 'THROW' } as const;
  try {
    await store.append(request, callOptions(signal));
  } catch (error) {
    if (error instanceof WrongExpectedVersionError) return { stream, expected, error };
    throw error;
  }
  throw new Error(
    `An append to ${stream.aggregateType} ${stream.aggregateId} that expected version ${expected} was not refused at ` +
      `version ${version}`,
  );
}
