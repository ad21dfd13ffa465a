import { stat } from 'node:fs/promises';
import type { Runtime } from '../core/runtime.js';

export interface WatchedFileOptions<T> {
  /** One, or several that belong together. */
  readonly paths: readonly string[];
  readonly read: (paths: readonly string[]) => Promise<T>;
  readonly runtime: Runtime;
  /**
   * Milliseconds between two looks.
   * @default 1000
   */
  readonly intervalMs?: number;
  /** Told of a file that cannot be read or understood; what was read before stays in force. Told once for each change. */
  readonly onFailure: (error: unknown) => void;
  /** Told of what was read anew. */
  readonly onRead?: (value: T) => void;
}

/**
 * What files say, read again when it changes. Looked at by its time and size, since a file that is replaced by another, as
 * Kubernetes does, escapes notifications.
 */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>;
  readonly #listeners = new Set<() => void>();
  readonly #stop = new AbortController();
  #current: T;
  #mark: string;
  #running: Promise<void> | undefined;

  private constructor(options: WatchedFileOptions<T>, current: T, mark: string) {
    this.#options = options;
    this.#current = current;
    this.#mark = mark;
  }

  /** Reads it once, and rejects with what is wrong. */
  static async open<T>(options: WatchedFileOptions<T>): Promise<WatchedFile<T>> {
    const mark = await markOf(options.paths);
    const file = new WatchedFile(options, await options.read(options.paths), mark);
    file.#running = file.#watch();
    return file;
  }

  get current(): T {
    return this.#current;
  }

  /** Calls the listener when there is something new. Returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('The service stops'));
    await this.#running;
  }

  async #watch(): Promise<void> {
    const { intervalMs = 1000, onFailure, onRead, paths, read, runtime } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await runtime.sleep(intervalMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const mark = await markOf(paths);
      if (mark === this.#mark) continue;
      this.#mark = mark;
      try {
        this.#current = await read(paths);
        onRead?.(this.#current);
        for (const listener of this.#listeners) listener();
      } catch (error) {
        onFailure(error);
      }
    }
  }
}

async function markOf(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map(markOfOne))).join('\n');
}

async function markOfOne(path: string): Promise<string> {
  try {
    const { ctimeMs, ino, mtimeMs, size } = await stat(path);
    return [ino, mtimeMs, ctimeMs, size].join(' ');
  } catch (error) {
    // That it is not there is told when it is read.
    return String((error as NodeJS.ErrnoException).code);
  }
}
