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
