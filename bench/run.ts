import { writeFile } from 'node:fs/promises';
import { writeDocs } from './docs/write-docs.js';
import { measureRows } from './measure-rows.js';
import type { Options } from './options.js';
import { measurementsAsText, resultAsText } from './print.js';
import { progress } from './progress.js';
import { readResult, resultAsJson, type Result } from './result.js';
import type { Measurement } from './row.js';
import { selected } from './selected.js';
import { openStage } from './stage.js';

/** Does what the options say; answers the exit code. */
export async function run(options: Options, all: readonly Measurement[]): Promise<number> {
  const { output } = options;
  if (output.list) {
    process.stdout.write(measurementsAsText(all));
    return 0;
  }
  // Read first: an hour later it is too late to hear that it is not there.
  const before = output.compareWith === undefined ? undefined : await readResult(output.compareWith);
  const measured = output.from === undefined ? await measure(options, all) : await readResult(output.from);
  if (!measured) return 130;
  // As it will be read again, digits and all, so that the page is the same then.
  const result = JSON.parse(resultAsJson(measured)) as Result;
  if (output.file !== undefined) await writeFile(output.file, resultAsJson(result));
  if (output.docs !== undefined) await writeDocs(result, output.docs);
  process.stdout.write(output.json ? resultAsJson(result) : resultAsText(result, before));
  return result.failures.length > 0 ? 1 : 0;
}

/** Undefined when it was interrupted. */
async function measure(options: Options, all: readonly Measurement[]): Promise<Result | undefined> {
  const measurements = selected(all, options);
  progress('starting Postgres and the service');
  const opening = openStage(options);
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      interrupted = true;
      progress('interrupted, cleaning up');
      void opening.then((stage) => stage.close()).finally(() => process.exit(130));
    });
  try {
    return await measureRows(await opening, { options, measurements });
  } catch (error) {
    // What was cut off fails, and nobody asks why.
    if (!interrupted) throw error;
    return undefined;
  }
}
