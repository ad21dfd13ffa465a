import type { Runtime } from '../core/runtime.js';
import type { Database } from './database.js';
import { DROPPED_CHANNEL } from './drop-namespace.js';
import { findNamespaces, type FoundNamespace } from './find-namespaces.js';
import { type ListeningPlace, notificationsOf } from './notifications.js';

/** What is watched, and who is told. */
export interface NamespaceWatchOptions {
  readonly database: Database;
  readonly runtime: Runtime;
  /** The namespaces that are open now. */
  readonly opened: () => readonly FoundNamespace[];
  /** Told of each that is not there any more, or is another one under the same name. */
  readonly onLost: (namespace: FoundNamespace) => void;
  /**
   * Milliseconds between two looks.
   * @default 2000
   */
  readonly intervalMilliseconds?: number;
}

/**
 * Notices that open namespaces of a database were dropped by another instance, or by hand: at once by a notification,
 * else by a look at the catalogue from time to time, one small statement for all of them. Without it, who follows a log
 * that was dropped and made again would wait for positions of the old one.
 */
export class NamespaceWatch {
  readonly #options: NamespaceWatchOptions;
  readonly #stop = new AbortController();
  #place: ListeningPlace | undefined;
  #watching: Promise<void> | undefined;
  #looking: Promise<boolean> | undefined;
  #wanted = false;

  constructor(options: NamespaceWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const { database, runtime } = this.#options;
    if (this.#stop.signal.aborted) return;
    this.#place ??= notificationsOf(database, runtime).listen(DROPPED_CHANNEL, {
      heard: () => void this.look(),
      connected: () => undefined,
      // Whose hints fail as well is told, and looks go on.
      failed: () => undefined,
    });
    this.#watching ??= this.#watch();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('The watch is stopped'));
    await this.#watching;
    await this.#looking;
    await this.#place?.leave();
  }

  /** Looks now; resolves when all that is lost is told, with whether the database answered. */
  async look(): Promise<boolean> {
    this.#wanted = true;
    this.#looking ??= this.#lookWhileWanted().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #watch(): Promise<void> {
    const { intervalMilliseconds = 2000, runtime } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // Rejects only when stopped, and then the loop ends.
      await runtime.sleep(intervalMilliseconds, signal).catch(() => undefined);
      if (!signal.aborted) await this.look();
    }
  }

  async #lookWhileWanted(): Promise<boolean> {
    let answered = false;
    while (this.#wanted && !this.#stop.signal.aborted) {
      this.#wanted = false;
      answered = await this.#look();
    }
    return answered;
  }

  async #look(): Promise<boolean> {
    const { database, onLost, opened } = this.#options;
    const before = opened();
    if (before.length === 0) return true;
    try {
      const names = before.map(({ name }) => name);
      const there = new Set((await findNamespaces(database, names)).map(({ oid }) => oid));
      for (const namespace of before) if (!there.has(namespace.oid)) onLost(namespace);
      return true;
    } catch {
      // The database is away, which those who use the namespaces are told by what they ask for.
      return false;
    }
  }
}
