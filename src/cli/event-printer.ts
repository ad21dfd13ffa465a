import type { Event } from '../core/event.js';
import { dataPreview, eventToJson } from './event-json.js';
import type { Format, Output } from './output.js';
import { nameOf } from './stream-argument.js';
import { TablePrinter } from './table.js';
import { shortTime } from './time.js';

const COLUMNS = ['position', 'recorded at', 'stream', 'version', 'event type', 'tags', 'data'];
/** For rows that come one by one, so that the head need not be repeated for each that is a little longer. */
const LIVE_ROOM = [10, 23, 24, 7, 20, 16];

/** Prints events as they come: as a table, as one JSON list, or as NDJSON. */
export class EventPrinter {
  readonly #output: Output;
  readonly #format: Format;
  readonly #table: TablePrinter;
  #printed = 0;

  constructor(output: Output, format: Format, { live = false }: { readonly live?: boolean } = {}) {
    this.#output = output;
    this.#format = format;
    this.#table = new TablePrinter(output, { head: COLUMNS, ...(live ? { room: LIVE_ROOM } : {}) });
  }

  get printed(): number {
    return this.#printed;
  }

  async print(events: readonly Event[]): Promise<void> {
    if (events.length === 0) return;
    const first = this.#printed === 0;
    this.#printed += events.length;
    switch (this.#format) {
      case 'ndjson':
        return this.#output.write(events.map((event) => `${JSON.stringify(eventToJson(event))}\n`).join(''));
      case 'json':
        return this.#output.write(
          `${first ? '[\n' : ',\n'}${events.map((event) => JSON.stringify(eventToJson(event))).join(',\n')}`,
        );
      case 'table':
        return this.#table.print(events.map(rowOf));
    }
  }

  async end(): Promise<void> {
    if (this.#format === 'json') await this.#output.write(this.#printed === 0 ? '[]\n' : '\n]\n');
  }
}

function rowOf(event: Event): readonly string[] {
  return [
    String(event.position),
    shortTime(event.recordedAt),
    nameOf(event.stream),
    String(event.version),
    event.eventType,
    event.tags.join(' '),
    dataPreview(event),
  ];
}
