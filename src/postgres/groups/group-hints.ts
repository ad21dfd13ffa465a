import type { Runtime } from '../../core/runtime.js';
import type { Database } from '../database.js';
import { type ListeningPlace, notificationsOf } from '../notifications.js';

/** Tells those who wait that something of a group has changed: at once what this process did, by NOTIFY what others did. */
export class GroupHints {
  readonly #options: { readonly database: Database; readonly schema: string; readonly runtime: Runtime };
  readonly #listeners = new Set<(group: string) => void>();
  #place: ListeningPlace | undefined;

  constructor(options: { readonly database: Database; readonly schema: string; readonly runtime: Runtime }) {
    this.#options = options;
  }

  /** Listens to other instances from the first listener to the last. A break is made up for by the beats. */
  add(listener: (group: string) => void): () => void {
    const entry = (group: string) => listener(group);
    this.#listeners.add(entry);
    const { database, runtime, schema } = this.#options;
    this.#place ??= notificationsOf(database, runtime).listen(`hw_groups_${schema}`, {
      heard: (group) => this.tell(group),
      connected: () => undefined,
      failed: () => undefined,
    });
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size > 0) return;
      void this.#place?.leave();
      this.#place = undefined;
    };
  }

  tell(group: string): void {
    for (const listener of this.#listeners) listener(group);
  }
}
