import { createInterface } from 'node:readline';
import { NotConfirmedError } from './exit-codes.js';

/** What cannot be undone, and how it is confirmed. */
export interface Confirmation {
  /** What will be lost, in a sentence. */
  readonly loss: string;
  /** What a person has to type. */
  readonly word: string;
  /** `--yes`: it is confirmed already. */
  readonly yes: boolean;
  /** Nobody is to be asked, since a program reads what is printed. */
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Where to ask; what a terminal is, only the process knows. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Whether a person sits at both ends. */
  readonly interactive: boolean;
}

function ownTerminal(): Terminal {
  return {
    input: process.stdin,
    output: process.stderr,
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  };
}

/**
 * Resolves if it is confirmed: by `--yes`, or by a person who types the word. Throws `NotConfirmedError`, and the signal's
 * reason when interrupted.
 */
export async function confirm(
  { loss, word, yes, json, signal }: Confirmation,
  terminal: Terminal = ownTerminal(),
): Promise<void> {
  if (yes) return;
  if (json || !terminal.interactive)
    throw new NotConfirmedError(
      `${loss}. Nothing was done, since nobody is here to confirm it: add --yes to go on`,
    );
  terminal.output.write(`${loss}.\nType ${word} to go on: `);
  const typed = await readLine(terminal.input, signal);
  if (typed?.trim() !== word.trim())
    throw new NotConfirmedError(
      typed === undefined
        ? '\nNothing was done: it was not confirmed'
        : `Nothing was done: ${JSON.stringify(typed)} was typed and not ${JSON.stringify(word)}`,
    );
}

/** A line, or `undefined` at the end of the input. The terminal stays as it is, so that Ctrl-C is a signal. */
function readLine(input: NodeJS.ReadableStream, signal: AbortSignal): Promise<string | undefined> {
  const lines = createInterface({ input, terminal: false });
  return new Promise<string | undefined>((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    lines.once('line', resolve);
    lines.once('close', () => resolve(undefined));
  }).finally(() => lines.close());
}
