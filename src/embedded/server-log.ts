import { chownSync, closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { FileOwner } from './data-folder.js';

export interface ServerLogOptions {
  /** Called with each whole line, without its end. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Who the files are handed to; undefined leaves them with this process's user. */
  readonly owner?: FileOwner | undefined;
  /** Size in bytes at which the file is set aside. @default 4 MiB, hence 8 MiB for the two files together */
  readonly limitBytes?: number;
}

/**
 * What the server writes, kept in a file that does not grow without bound: a full one becomes `….1`, the older goes.
 *
 * Read from a pipe rather than written by Postgres itself, whose own collector has no bound on the sum of its files.
 * A file that cannot be written is given up silently: a full disk must not stop a server that could still be read.
 */
export class ServerLog {
  readonly #path: string;
  readonly #options: ServerLogOptions;
  readonly #decoder = new StringDecoder('utf8');
  #file: number | undefined;
  #size = 0;
  #rest = '';
  #last: string[] = [];

  constructor(path: string, options: ServerLogOptions = {}) {
    this.#path = path;
    this.#options = options;
    this.#open();
  }

  /** Synchronous, since the server says little and what it says last must not be lost. */
  write(chunk: Buffer): void {
    this.#keep(chunk);
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      this.#last = [...this.#last.slice(1 - lastLines), line];
      this.#options.onLine?.(line);
    }
  }

  /** The last lines, for a message about a server that did not start. */
  tail(): string {
    return [...this.#last, this.#rest].filter((line) => line !== '').join('; ');
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #keep(chunk: Buffer): void {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, chunk);
      this.#size += chunk.length;
      if (this.#size >= (this.#options.limitBytes ?? 4 * 1024 * 1024)) {
        this.close();
        renameSync(this.#path, `${this.#path}.1`);
        this.#open();
      }
    } catch {
      this.close(); // see the class: the log is given up, the server is not
    }
  }

  #open(): void {
    try {
      this.#file = openSync(this.#path, 'a', 0o600);
      const { owner } = this.#options;
      if (owner !== undefined) chownSync(this.#path, owner.uid, owner.gid);
      this.#size = fstatSync(this.#file).size;
    } catch {
      this.close();
    }
  }
}

const lastLines = 6;
