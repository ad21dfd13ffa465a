import Table from 'cli-table3';
import type { Output } from './output.js';

/** Wider cells are cut, but for those of the last column. */
const WIDEST = 48;
const NO_FRAMES = Object.fromEntries(
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
);

/** A table without frames; the last column takes what is left of the width. */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = 120,
): string {
  return layOut(head, rows, widthsOf([head, ...rows]), width);
}

/**
 * A table whose rows come in portions, as pages or live. It has to know its widths before the last row is there: it goes
 * by what it has seen, and where a later portion needs more it begins anew with a head, so that rows always stand below
 * the head above them.
 */
export class TablePrinter {
  readonly #output: Output;
  readonly #head: readonly string[];
  readonly #width: number;
  #widths: readonly number[];
  #begun = false;

  constructor(
    output: Output,
    {
      head,
      width = process.stdout.columns ?? 120,
      room = [],
    }: {
      readonly head: readonly string[];
      /** Of the terminal. @default that of standard output, else 120 */
      readonly width?: number;
      /** The least width of each column, for what may come. @default none */
      readonly room?: readonly number[];
    },
  ) {
    this.#output = output;
    this.#head = head;
    this.#width = width;
    this.#widths = room;
  }

  async print(rows: readonly (readonly string[])[]): Promise<void> {
    if (rows.length === 0) return;
    const needed = widthsOf([this.#head, ...rows]);
    const wider = needed.slice(0, -1).some((one, column) => one > (this.#widths[column] ?? 0));
    this.#widths = needed.map((one, column) => Math.max(one, this.#widths[column] ?? 0));
    const head = this.#begun && !wider ? [] : this.#head;
    this.#begun = true;
    await this.#output.line(layOut(head, rows, this.#widths, this.#width));
  }
}

function widthsOf(rows: readonly (readonly string[])[]): readonly number[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: columns }, (_, column) =>
    rows.reduce((widest, row) => Math.max(widest, Math.min(WIDEST, (row[column] ?? '').length)), 4),
  );
}

function layOut(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  widths: readonly number[],
  width: number,
): string {
  const taken = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0);
  const last = Math.max(20, Math.min(width - taken, 400));
  const table = new Table({
    head: [...head],
    colWidths: [...widths.slice(0, -1).map((one) => one + 2), last],
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 1, compact: true },
    chars: NO_FRAMES,
    wordWrap: false,
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
