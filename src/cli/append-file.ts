import type { Appended } from '../core/append.js';
import { HeadwaterError } from '../core/errors.js';
import type { EventStore } from '../core/event-store.js';
import { BadLineError, readRequests } from './append-input.js';
import { appendedToJson } from './appended-json.js';
import { InterruptedError } from './connection-options.js';
import { explain, LineError, UsageError } from './exit-codes.js';
import { Output } from './output.js';
import { countingProgress } from './progress.js';

export interface AppendFileFlags {
  readonly inFlight: string;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

/**
 * Appends a file, or standard input for `-`, line by line. Whatever stops it (a line that fails, Ctrl-C, a reader of the
 * results that leaves), it takes no more lines, waits for what is under way, which the client's timeout bounds, and says
 * exactly which lines are in the log. Throws `LineError`, `InterruptedError` and `UsageError`.
 */
export async function appendFile(
  store: EventStore,
  file: string,
  flags: AppendFileFlags,
  signal: AbortSignal,
): Promise<void> {
  const inFlight = Number(flags.inFlight);
  if (!Number.isInteger(inFlight) || inFlight < 1 || inFlight > 10_000)
    throw new UsageError(`--in-flight ${flags.inFlight} is not a whole number from 1 to 10000`);
  const output = new Output();
  const run = new FileRun(output, flags.ndjson ?? false);
  let unread = false;
  try {
    for await (const { line, request } of readRequests(file, signal)) {
      if (signal.aborted || output.gone) {
        unread = true;
        break;
      }
      // Not with the signal: what was sent is in the log or not, whoever waits for the answer.
      run.take(line, store.append(request));
      while (run.underWay >= inFlight) await run.finishOne();
      if (run.failed) break;
    }
  } catch (error) {
    if (!(error instanceof BadLineError)) throw error;
    // The lines before it are decided first, and one of them may have failed already.
    while (run.underWay > 0) await run.finishOne();
    // Ctrl-C also ends whoever writes into the pipe, in the middle of a line.
    if (!signal.aborted) run.failed ??= { line: error.line, error };
  }
  try {
    if (signal.aborted && run.underWay > 0)
      process.stderr.write(
        `Interrupted: waiting for ${run.underWay} lines under way; Ctrl-C again ends at once\n`,
      );
    while (run.underWay > 0) await run.finishOne();
  } finally {
    run.progress.stop();
  }
  if (run.failed) throw new LineError(run.tellFailure(run.failed), run.failed.error);
  if (signal.aborted) throw new InterruptedError(`Interrupted: ${run.tellTaken(file)}`);
  if (output.gone && unread)
    throw new LineError(`Nobody reads the results any more: ${run.tellTaken(file)}`, undefined);
  await run.tellSummary(flags);
}

interface FailedLine {
  readonly line: number;
  readonly error: unknown;
}

/** The lines that were taken, in order, and what became of them. */
class FileRun {
  readonly progress = countingProgress('events');
  failed: FailedLine | undefined;
  readonly #output: Output;
  readonly #ndjson: boolean;
  readonly #underWay: { readonly line: number; readonly result: Promise<Appended> }[] = [];
  /** Of the lines behind one that failed: those in the log, and those of which it is not known. */
  readonly #behind: number[] = [];
  readonly #unknown: number[] = [];
  #lastLine = 0;
  #lines = 0;
  #events = 0;
  #added = 0;
  #repeated = 0;
  #lastPosition = 0n;

  constructor(output: Output, ndjson: boolean) {
    this.#output = output;
    this.#ndjson = ndjson;
  }

  get underWay(): number {
    return this.#underWay.length;
  }

  take(line: number, result: Promise<Appended>): void {
    result.catch(() => undefined);
    this.#underWay.push({ line, result });
    this.#lastLine = line;
  }

  async finishOne(): Promise<void> {
    const next = this.#underWay.shift();
    if (next === undefined) return;
    let appended: Appended;
    try {
      appended = await next.result;
    } catch (error) {
      if (this.failed !== undefined && !(error instanceof HeadwaterError && error.outcome === 'NOT_APPLIED'))
        this.#unknown.push(next.line);
      this.failed ??= { line: next.line, error };
      return;
    }
    if (this.failed) this.#behind.push(next.line);
    this.#lines += 1;
    this.#events += appended.eventIds.length;
    if (appended.deduplicated) this.#repeated += 1;
    else this.#added += appended.eventIds.length;
    this.#lastPosition = appended.lastPosition;
    this.progress.add(appended.eventIds.length);
    if (this.#ndjson)
      await this.#output.line(JSON.stringify({ line: next.line, ...appendedToJson(appended) }));
  }

  /** Which line failed and why, and exactly which lines are in the log. */
  tellFailure({ line, error }: FailedLine): string {
    const behind = this.#behind;
    const told = [
      `Line ${line}: ${explain(error, true)}`,
      `${this.#lines - behind.length} lines before it are in the log`,
    ];
    if (behind.length > 0)
      told.push(
        `so are ${behind.length} lines behind it that were under way: ${describeLines(behind)}` +
          '; with --in-flight 1 there are none',
      );
    if (this.#unknown.length > 0)
      told.push(
        `what became of ${this.#unknown.length} lines behind it is not known: ${describeLines(this.#unknown)}`,
      );
    return told.join('\n');
  }

  /** Of a run in which no line failed: which are in the log, and where to go on. */
  tellTaken(file: string): string {
    if (this.#lastLine === 0) return 'no line is in the log';
    const source = file === '-' ? '' : ` ${/^[\w./-]+$/.test(file) ? file : JSON.stringify(file)}`;
    return (
      `lines 1 to ${this.#lastLine} are in the log, and none behind them; to go on: ` +
      `tail -n +${this.#lastLine + 1}${source} | headwater append --file -`
    );
  }

  async tellSummary({ json, ndjson }: AppendFileFlags): Promise<void> {
    if (json)
      return this.#output.line(
        JSON.stringify({
          lines: this.#lines,
          events: this.#events,
          repeated: this.#repeated,
          last_position: String(this.#lastPosition),
        }),
      );
    if (ndjson) return;
    await this.#output.line(
      `Appended ${this.#added} events of ${this.#lines} lines` +
        (this.#repeated > 0 ? `; ${this.#repeated} lines were in the log already` : '') +
        (this.#lines > 0 ? `; the last position is ${this.#lastPosition}` : ''),
    );
  }
}

/** As `3 to 7, 9`. */
function describeLines(lines: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const line of lines) {
    const open = ranges.at(-1);
    if (open !== undefined && open[1] === line - 1) open[1] = line;
    else ranges.push([line, line]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`)).join(', ');
}
