import Table from 'cli-table3';
import type { Event } from '../core/event.js';
import { dataPreview, eventToJson } from './event-json.js';
import { isoTime } from './time.js';

/** How results are printed. */
export type Format = 'table' | 'json' | 'ndjson';

/** Writes to standard output, waiting where the reader is slow; stops quietly when it has gone (as `head` does). */
export class Output {
  #gone = false;
  #failure: Error | undefined;

  constructor(private readonly stream: NodeJS.WriteStream = process.stdout) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') this.#gone = true;
      else this.#failure = new Error(`Standard output cannot be written: ${error.message}`, { cause: error });
    });
  }

  /** Whether nobody reads any more. */
  get gone(): boolean {
    return this.#gone;
  }

  async write(text: string): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#gone || text === '') return;
    if (this.stream.write(text)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.stream.off('drain', done).off('error', done).off('close', done);
        resolve();
      };
      this.stream.on('drain', done).on('error', done).on('close', done);
    });
  }

  line(text: string): Promise<void> {
    return this.write(`${text}\n`);
  }
}

/** For commander: `--json` and `--ndjson` of a command. */
export function formatOf(flags: { readonly json?: boolean; readonly ndjson?: boolean }): Format {
  return flags.ndjson ? 'ndjson' : flags.json ? 'json' : 'table';
}

const COLUMNS = ['position', 'recorded at', 'stream', 'version', 'event type', 'tags', 'data'];

/**
 * Prints events as they come. A table has to know its widths, so its rows are laid out in portions of a page; JSON is one
 * list, NDJSON a line an event.
 */
export class EventPrinter {
  readonly #output: Output;
  readonly #format: Format;
  readonly #width: number;
  #printed = 0;

  constructor(output: Output, format: Format, width = process.stdout.columns ?? 120) {
    this.#output = output;
    this.#format = format;
    this.#width = width;
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
        return this.#output.write(eventTable(events, first, this.#width));
    }
  }

  async end(): Promise<void> {
    if (this.#format === 'json') await this.#output.write(this.#printed === 0 ? '[]\n' : '\n]\n');
  }
}

function eventTable(events: readonly Event[], head: boolean, width: number): string {
  const rows = events.map((event) => [
    String(event.position),
    isoTime(event.recordedAt).slice(0, 23).replace('T', ' '),
    `${event.stream.aggregateType}/${event.stream.aggregateId}`,
    String(event.version),
    event.eventType,
    event.tags.join(' '),
    dataPreview(event),
  ]);
  return `${plainTable(head ? COLUMNS : [], rows, width)}\n`;
}

/** A table without frames; the last column takes what is left of the width. */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = 120,
): string {
  const columns = rows[0]?.length ?? head.length;
  const widest = Array.from({ length: columns }, (_, column) =>
    Math.max(4, ...[head, ...rows].map((row) => Math.min(48, (row[column] ?? '').length))),
  );
  const taken = widest.slice(0, -1).reduce((sum, one) => sum + one + 2, 0);
  const last = Math.max(20, Math.min(width - taken, 400));
  const table = new Table({
    head: [...head],
    colWidths: [...widest.slice(0, -1).map((one) => one + 2), last],
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 1, compact: true },
    chars: Object.fromEntries(
      [
        'top',
        'top-mid',
        'top-left',
        'top-right',
        'bottom',
        'bottom-mid',
        'bottom-left',
        'bottom-right',
        'left',
        'left-mid',
        'mid',
        'mid-mid',
        'right',
        'right-mid',
        'middle',
      ].map((name) => [name, '']),
    ),
    wordWrap: false,
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
