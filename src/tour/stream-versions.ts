import type { StreamAppend } from '../core/append.js';
import { StreamNotFoundError } from '../core/errors.js';
import type { EventLog } from '../core/event-store.js';
import { eventsOf } from '../core/load.js';
import { type StreamId, streamKey } from '../core/stream.js';
import type { CommitAppend } from './commit-to-appends.js';
import { callOptions } from './imported-history.js';

export interface StreamVersionsOptions {
  readonly store: EventLog;
  /** Whether streams that were not seen yet are taken for new, without a look into the log. */
  readonly fresh: boolean;
  readonly signal: AbortSignal | undefined;
}

const LOOKUPS = 16;

/**
 * The versions that streams will have once all that was sent is appended. Grows with the number of distinct streams, at
 * some 150 bytes each: 300,000 paths are 45 MB.
 */
export class StreamVersions {
  readonly #options: StreamVersionsOptions;
  readonly #versions = new Map<string, bigint>();

  constructor(options: StreamVersionsOptions) {
    this.#options = options;
  }

  /** Looks up in the log those that are not known here. The streams are not asked for where all count as new. */
  async learn(streams: () => readonly StreamId[]): Promise<void> {
    if (this.#options.fresh) return;
    const unknown = new Map<string, StreamId>();
    for (const stream of streams()) {
      const key = streamKey(stream);
      if (!this.#versions.has(key)) unknown.set(key, stream);
    }
    const entries = unknown.entries();
    const workers = Array.from({ length: Math.min(LOOKUPS, unknown.size) }, async () => {
      for (const [key, stream] of entries) this.#versions.set(key, await this.#lookUp(stream));
    });
    await Promise.all(workers);
  }

  /** The streams of the append with the versions that they are expected at. */
  expect(append: CommitAppend): StreamAppend[] {
    return append.streams.map(({ stream, events }) => {
      const version = this.#versions.get(streamKey(stream)) ?? 0n;
      return { stream, events, expectedVersion: version === 0n ? 'NO_STREAM' : version };
    });
  }

  /** Counts the append as made. */
  advance(append: CommitAppend): void {
    for (const { stream, events } of append.streams) {
      const key = streamKey(stream);
      this.#versions.set(key, (this.#versions.get(key) ?? 0n) + BigInt(events.length));
    }
  }

  async #lookUp(stream: StreamId): Promise<bigint> {
    const { store, signal } = this.#options;
    const request = { scope: { kind: 'STREAM', stream }, direction: 'BACKWARDS', limit: 1n } as const;
    try {
      for await (const event of eventsOf(store.load(request, callOptions(signal)))) return event.version;
    } catch (error) {
      if (!(error instanceof StreamNotFoundError)) throw error;
    }
    return 0n;
  }
}
