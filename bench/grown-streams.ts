import { randomInt } from 'node:crypto';
import type pg from 'pg';
import type { EventStore } from '../src/core/event-store.js';
import type { StreamId } from '../src/core/stream.js';

/** So many are picked, however long the log: more than stay in any cache of ours, and few enough to be kept here. */
const PICKED = 5_000;

/** Streams of so many events from all over the log, in no order. */
export class GrownStreams {
  readonly #streams: readonly StreamId[];
  readonly #events: number;

  private constructor(streams: readonly StreamId[], events: number) {
    this.#streams = streams;
    this.#events = events;
  }

  static async pick(client: pg.Client, schema: string, events: number): Promise<GrownStreams> {
    const { rows } = await client.query<{ aggregate_type: string; aggregate_id: string }>(
      `SELECT aggregate_type, aggregate_id FROM "${schema}".streams WHERE version = $1 ORDER BY random() LIMIT $2`,
      [events, PICKED],
    );
    if (rows.length === 0) throw new Error(`The log has no stream of ${events} events`);
    return new GrownStreams(
      rows.map((row) => ({ aggregateType: row.aggregate_type, aggregateId: row.aggregate_id })),
      events,
    );
  }

  any(): StreamId {
    const stream = this.#streams[randomInt(this.#streams.length)];
    if (stream === undefined) throw new Error('There is no stream');
    return stream;
  }

  /** Loads one of them, whole; answers 1. */
  async load(eventStore: Pick<EventStore, 'load'>): Promise<number> {
    let events = 0;
    for await (const page of eventStore.load({ scope: { kind: 'STREAM', stream: this.any() } }))
      events += page.events.length;
    if (events !== this.#events) throw new Error(`Read ${events} events instead of ${this.#events}`);
    return 1;
  }
}
