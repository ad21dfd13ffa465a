import { Output } from './output.js';
import { pagesOf } from './pages.js';
import { countingProgress } from './progress.js';
import { TablePrinter } from './table.js';

/** How a list that is asked for page by page is printed. */
export interface PrintedList<T> {
  /** What is listed, for progress and for an empty list: "streams". */
  readonly what: string;
  readonly head: readonly string[];
  readonly rowOf: (entry: T) => readonly string[];
  /** One line of NDJSON. */
  readonly jsonOf: (entry: T) => unknown;
  /** Asks for a page. */
  readonly page: Parameters<typeof pagesOf<T>>[0];
}

/** Prints the list as its pages come, as a table or as NDJSON; ends quietly when nobody reads any more. */
export async function printList<T>(
  list: PrintedList<T>,
  flags: { readonly limit?: bigint; readonly json?: boolean; readonly ndjson?: boolean },
): Promise<void> {
  const output = new Output();
  const table = new TablePrinter(output, { head: list.head });
  const json = flags.json ?? flags.ndjson ?? false;
  // Where the list itself goes to the terminal, it is progress enough.
  const progress = process.stdout.isTTY ? undefined : countingProgress(list.what);
  let listed = 0;
  try {
    for await (const entries of pagesOf(list.page, flags.limit)) {
      listed += entries.length;
      if (json) await output.write(entries.map((one) => `${JSON.stringify(list.jsonOf(one))}\n`).join(''));
      else await table.print(entries.map(list.rowOf));
      progress?.add(entries.length);
      if (output.gone) break;
    }
  } finally {
    progress?.stop();
  }
  if (listed === 0 && !json) await output.line(`No ${list.what} match`);
}
