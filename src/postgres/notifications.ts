import type { Runtime } from '../core/runtime.js';
import type { Database, Session } from './database.js';

/** Who listens on a channel. */
export interface NotificationListener {
  /** A notification came, be it of this process or of another. */
  heard(payload: string): void;
  /** From now on notifications arrive; called again after each break, during which some may have been lost. */
  connected(): void;
  /** The connection broke or could not be had; it is tried again by itself. Of all listeners only one is told. */
  failed(error: unknown): void;
}

/** A place on a channel. */
export interface ListeningPlace {
  /** Whether notifications arrive now. */
  readonly connected: boolean;
  /** Sends soon; a later payload takes the place of one that still waits, for instance while there is no connection. */
  notify(payload: string): void;
  /** Gives the place up; with the last one the connection is closed. */
  leave(): Promise<void>;
}

/** Milliseconds within which notifications share one statement. */
const COALESCE = 20;

/**
 * LISTEN and NOTIFY of all channels of a database over one connection: with a channel for each namespace, a connection for
 * each would be a hundred. It is opened for the first listener and closed with the last.
 */
export class Notifications {
  readonly #database: Database;
  readonly #runtime: Runtime;
  #run: Run | undefined;

  constructor(database: Database, runtime: Runtime) {
    this.#database = database;
    this.#runtime = runtime;
  }

  listen(channel: string, listener: NotificationListener): ListeningPlace {
    const run = (this.#run ??= new Run(this.#database, this.#runtime));
    const leave = run.add(channel, listener);
    let done: Promise<void> | undefined;
    return {
      get connected() {
        return done === undefined && run.hears(channel);
      },
      notify: (payload) => run.notify(channel, payload),
      leave: () => {
        done ??= (async () => {
          leave();
          if (!run.empty) return;
          if (this.#run === run) this.#run = undefined;
          await run.stop();
        })();
        return done;
      },
    };
  }
}

const OF = new WeakMap<Database, Notifications>();

/** The one of a database, so that all that listen there share it. */
export function notificationsOf(database: Database, runtime: Runtime): Notifications {
  let notifications = OF.get(database);
  if (notifications === undefined) {
    notifications = new Notifications(database, runtime);
    OF.set(database, notifications);
  }
  return notifications;
}

/** From the first listener to the last. */
class Run {
  readonly #database: Database;
  readonly #runtime: Runtime;
  readonly #channels = new Map<string, Set<NotificationListener>>();
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  /** Channels on which the session listens. */
  readonly #heard = new Set<string>();
  /** The newest payload of each channel that waits to be sent. */
  #unsent = new Map<string, string>();
  #sending = false;
  #session: Session | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(database: Database, runtime: Runtime) {
    this.#database = database;
    this.#runtime = runtime;
    this.#done = this.#keepListening();
  }

  get empty(): boolean {
    return this.#channels.size === 0;
  }

  hears(channel: string): boolean {
    return this.#heard.has(channel);
  }

  add(channel: string, listener: NotificationListener): () => void {
    const listeners = this.#channels.get(channel) ?? new Set();
    listeners.add(listener);
    this.#channels.set(channel, listeners);
    if (listeners.size === 1) this.#begin(channel);
    else if (this.hears(channel)) listener.connected();
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#channels.get(channel) !== listeners) return;
      this.#channels.delete(channel);
      this.#unsent.delete(channel);
      this.#heard.delete(channel);
      // Where it fails, the connection is broken and the next one does not listen there.
      this.#inTurn(`UNLISTEN "${channel}"`).catch(() => undefined);
    };
  }

  notify(channel: string, payload: string): void {
    this.#unsent.set(channel, payload);
    void this.#send();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('Nobody listens any more'));
    await this.#done;
  }

  /** Listens on a channel that was added while there is a connection. */
  #begin(channel: string): void {
    // A failure is the connection's, and the loop that keeps it sees that too.
    if (this.#session !== undefined) this.#listenOn(channel).catch(() => undefined);
  }

  async #listenOn(channel: string): Promise<void> {
    const session = this.#session;
    await this.#inTurn(`LISTEN "${channel}"`);
    const listeners = this.#channels.get(channel);
    if (listeners === undefined || this.#session !== session) return;
    this.#heard.add(channel);
    for (const listener of listeners) listener.connected();
  }

  /** One statement at a time: the driver does not want to be asked while it waits for an answer. */
  async #inTurn(text: string, values?: readonly unknown[]): Promise<void> {
    const session = this.#session;
    const mine = this.#turn.then(() => session?.query(text, values));
    this.#turn = mine.catch(() => undefined);
    await mine;
  }

  async #keepListening(): Promise<void> {
    const { signal } = this.#stop;
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#database.withSession(async (session) => {
          session.onNotification((payload, channel) => {
            for (const listener of this.#channels.get(channel) ?? []) listener.heard(payload);
          });
          this.#session = session;
          this.#turn = Promise.resolve();
          await Promise.all([...this.#channels.keys()].map((channel) => this.#listenOn(channel)));
          attempt = 0;
          void this.#send();
          await stopped;
        });
      } catch (error) {
        const [first] = this.#channels.values();
        const [listener] = first ?? [];
        if (!signal.aborted) listener?.failed(error);
      } finally {
        this.#session = undefined;
        this.#heard.clear();
      }
      const pause = Math.min(5000, 100 * 2 ** attempt) * (0.5 + this.#runtime.random() / 2);
      // Rejects only when stopped, and then the loop ends.
      await this.#runtime.sleep(pause, signal).catch(() => undefined);
    }
  }

  async #send(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#session !== undefined && this.#unsent.size > 0) {
        const unsent = [...this.#unsent];
        this.#unsent = new Map();
        await this.#inTurn(
          'SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS n (channel, payload)',
          [unsent.map(([channel]) => channel), unsent.map(([, payload]) => payload)],
        );
        await this.#runtime.sleep(COALESCE, this.#stop.signal);
      }
    } catch (error) {
      // What was lost were hints; the loop that listens sees the same connection break and takes a new one.
      const [listener] = [...this.#channels.values()].flatMap((listeners) => [...listeners]);
      if (!this.#stop.signal.aborted) listener?.failed(error);
    } finally {
      this.#sending = false;
    }
  }
}
