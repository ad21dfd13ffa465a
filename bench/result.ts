import { readFile } from 'node:fs/promises';
import type { Usage } from './child.js';
import type { Machine } from './machine.js';
import type { RowId } from './options.js';
import type { Row } from './row.js';

/** Changes when what reads the JSON has to. */
export const RESULT_FORMAT = 1;

/** All of a run; what `--json` prints. */
export interface Result {
  readonly format: typeof RESULT_FORMAT;
  readonly headwater: {
    readonly version: string;
    /** Of the checkout, with a plus when files differed from it. */
    readonly commit?: string;
  };
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly machine: Machine;
  readonly postgres: {
    readonly version: string;
    /** Started for the run with its default settings, or somebody's own. */
    readonly kind: 'EMBEDDED' | 'GIVEN';
    readonly settings: Readonly<Record<string, string>>;
  };
  readonly mode: 'quick' | 'full';
  readonly rounds: number;
  readonly turnMilliseconds: number;
  readonly rows: readonly Row[];
  /** Rows that could not be measured. */
  readonly failures: readonly { readonly id: RowId; readonly error: string }[];
  /** What could not be done or seen on this machine. */
  readonly notes: readonly string[];
  /** Of the service's process, over all rows. */
  readonly service?: Usage;
  readonly seconds: number;
}

/** Reads what an earlier run wrote. Throws a sentence where it is something else. */
export async function readResult(file: string): Promise<Result> {
  let result: Partial<Result>;
  try {
    result = JSON.parse(await readFile(file, 'utf8')) as Partial<Result>;
  } catch (cause) {
    throw new Error(`${file} is no result of the bench: ${String(cause)}`, { cause });
  }
  if (result.format !== RESULT_FORMAT || !Array.isArray(result.rows))
    throw new Error(`${file} is no result of this version of the bench; measure again with --output`);
  return result as Result;
}

/** One value a line, but for lists of numbers, of which curves have dozens; six digits of each, which is more than there is to know. */
export function resultAsJson(result: Result): string {
  const text = JSON.stringify(
    result,
    (_, value: unknown) =>
      typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value,
    2,
  );
  const onOneLine = (numbers: string) => `[${numbers.slice(1, -1).trim().replaceAll(/\s+/g, ' ')}]`;
  return `${text.replaceAll(/\[[\s\d.,e+-]+\]/g, onOneLine)}\n`;
}
