import type { WatchedAggregate } from '../core/aggregate.js';
import type { CallOptions } from '../core/call-options.js';
import { onAbort } from '../core/on-abort.js';
import type { StreamId } from '../core/stream.js';
import { currentAggregate } from './aggregate-view.js';
import type { ServedCommands } from './served-commands.js';

/**
 * The aggregate now, and again after each change. What has happened is only noted, and the state is read when the reader
 * takes the next one: who is slow misses what lay in between, and costs no memory.
 */
export async function* watchAggregate(
  commands: Pick<ServedCommands, 'manager' | 'store'>,
  aggregate: StreamId,
  { signal }: CallOptions,
): AsyncGenerator<WatchedAggregate, void, undefined> {
  const { store } = commands;
  const leaving = new AbortController();
  const letGo = signal ? onAbort(signal, () => leaving.abort(signal.reason)) : () => undefined;
  signal?.throwIfAborted();
  const { epoch, position } = await store.getLog({ signal: leaving.signal });
  const changes = new Changes({ epoch, position });
  changes.follow(
    store.subscribe(
      { scope: { kind: 'STREAM', stream: aggregate }, start: { kind: 'AFTER', after: { position, epoch } } },
      { signal: leaving.signal },
    ),
  );
  try {
    let last: WatchedAggregate | undefined;
    for (;;) {
      const upTo = await changes.next();
      const now = { ...(await currentAggregate(commands, aggregate, { signal: leaving.signal })), ...upTo };
      if (last?.info.version === now.info.version && last.info.deleted === now.info.deleted) continue;
      last = now;
      yield now;
    }
  } finally {
    letGo();
    leaving.abort(new Error('The reader has left'));
  }
}

interface UpTo {
  readonly position: bigint;
  readonly epoch: bigint;
}

/** How far the log has changed the aggregate; only the newest is kept. */
class Changes {
  /** The beginning counts as a change. */
  #newest: UpTo | undefined;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(begin: UpTo) {
    this.#newest = begin;
  }

  follow(
    messages: AsyncIterable<{
      readonly events: readonly unknown[];
      readonly scannedTo: bigint;
      readonly epoch: bigint;
    }>,
  ): void {
    const run = async () => {
      for await (const { epoch, events, scannedTo } of messages) {
        if (events.length === 0) continue;
        this.#newest = { position: scannedTo, epoch };
        this.#wake?.();
      }
      throw new Error('The subscription has ended');
    };
    run().catch((error: unknown) => {
      this.#failure = { error };
      this.#wake?.();
    });
  }

  async next(): Promise<UpTo> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const newest = this.#newest;
      this.#newest = undefined;
      if (newest !== undefined) return newest;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
