import { targetOf } from '../amounts.js';
import type { Row } from '../row.js';
import { tableOf } from './markdown.js';

const BETWEEN = /(<!-- speed:[^\n]*-->\n)([^]*)(<!-- end of speed -->)/;

/** The README with its table of speed as the rows have it: those with a target, and other stores. */
export function readmeWith(rows: readonly Row[], readme: string): string {
  if (!BETWEEN.test(readme)) throw new Error('The README has no place for the table of speed');
  const lines = rows.filter(({ floor, target }) => target !== undefined || floor.peer !== undefined);
  const table = tableOf(
    ['what', 'beside', 'ratio', 'aim'],
    lines.map((row) => [row.what, row.floor.what, row.ratio.toFixed(2), targetOf(row)]),
    new Set(['ratio']),
  );
  return readme.replace(BETWEEN, (_, begin: string, __, end: string) => `${begin}${table}\n${end}`);
}
