import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import type { Caller } from '../auth/caller.js';
import type { Plan } from '../auth/plan.js';
import type { CallOptions } from '../core/call-options.js';
import { OverloadedError } from '../core/errors.js';
import { pushTo } from '../core/pushing.js';
import type { PackedMessage } from '../wire/encode-packed.js';
import type { Received } from '../wire/method.js';
import { shuttingDown } from './calls.js';
import type { CallScope } from './call-scope.js';
import type { Desk } from './desk.js';
import { toServiceError } from './failure.js';
import { Outbox } from './outbox.js';
import type { Narrow } from './narrowed.js';
import type { Rpc } from './register.js';
import { timeLeft } from './time-left.js';

/**
 * Bytes that may wait in a call before the next page is asked for: a page of ordinary events goes out while the next is
 * read, one of 2 MiB does not.
 */
const WINDOW = 512 * 1024;

/** How an RPC that answers with a stream is served. */
export interface ServerStreamEntry<Request, P extends Plan, Item> {
  /** What the request means in the words of policies; throws for what it should not say. */
  resolve(request: Request, caller: Caller): P;
  /** Of a read of many streams: its plan with the answer narrowed to what may be seen. Without it such a plan is refused. */
  readonly narrow?: Narrow<P>;
  /** Sees nothing but the plan, and for how long it is waited for. */
  handle(plan: P, options: CallOptions): AsyncIterable<Item>;
  encode(item: Item): Buffer | PackedMessage;
  /** From where a reader that was ended can go on. */
  positionOf(item: Item): bigint;
  /**
   * Whether the caller's namespace must be there.
   * @default true
   */
  readonly inNamespace?: boolean;
  /** Whether it is ended when the service shuts down, since it would never end by itself. */
  readonly endless: boolean;
}

export function serverStream<Request, P extends Plan, Item, Answer>(
  entry: ServerStreamEntry<Request, P, Item>,
): Rpc<'server_streaming', Request, Answer> {
  return {
    kind: 'server_streaming',
    bind: (desk, rpc) => serverStreamHandler(desk, rpc, entry),
  };
}

function serverStreamHandler<Request, P extends Plan, Item>(
  desk: Desk,
  rpc: string,
  entry: ServerStreamEntry<Request, P, Item>,
): handleServerStreamingCall<Received<Request>, unknown> {
  return (call) => {
    const scope = desk.calls.open(call);
    if (entry.endless) scope.onDrain = () => scope.abort(shuttingDown());
    const start = async () => {
      const admission = await desk.admit(call, scope);
      const plan = admission.keep(entry.resolve(desk.accept(call.request), admission.caller), entry.narrow);
      admission.watch();
      const opening = entry.inNamespace === false ? undefined : desk.open(plan.namespace);
      if (opening !== undefined) await scope.wait(opening);
      if (entry.inNamespace !== false) desk.endWith(plan.namespace, scope);
      return entry.handle(plan, { signal: scope.signal, ...timeLeft(call, desk.longestDeadlineMs) });
    };
    pump(call, scope, start, entry, desk.stallTimeoutMs).then(
      () => call.end(),
      (error: unknown) => {
        if (scope.gone) return;
        call.emit('error', toServiceError(desk.failure(error, rpc)));
      },
    );
  };
}

/** Writes what the call is answered with, until there is no more, or the scope is aborted. */
async function pump<Request, Item>(
  call: ServerWritableStream<Received<Request>, unknown>,
  scope: CallScope,
  start: () => Promise<AsyncIterable<Item>>,
  entry: Pick<ServerStreamEntry<Request, Plan, Item>, 'encode' | 'positionOf'>,
  stallTimeoutMs: number,
): Promise<void> {
  const items = await start();
  const outbox = new Outbox(call, WINDOW);
  pushTo(items, (item) => {
    if (scope.endedBy !== undefined) return false;
    const message = entry.encode(item);
    // What fills the window is given to who waits until there is room again, and sees whether there ever is.
    if (!outbox.fits(message)) return false;
    outbox.write(message);
    return true;
  });
  const iterator = items[Symbol.asyncIterator]();
  let done = false;
  try {
    // So that the client knows that it is served, also where there is nothing to send yet.
    call.sendMetadata(new Metadata());
    // One wait for the whole call: for each item it would be a dozen objects that live for as long as a follower waits.
    await scope.wait(writeAll(iterator, outbox, scope, entry, stallTimeoutMs));
    done = true;
  } finally {
    outbox.close();
    // Not awaited: an iterator that does not heed its signal must not hold the call.
    if (!done) iterator.return?.().catch(() => undefined);
  }
}

/**
 * Takes a page, writes it, and asks for the next when there is room: what is held for a reader is bounded, and nothing
 * but that is held while it is slow.
 */
async function writeAll<Request, Item>(
  iterator: AsyncIterator<Item>,
  outbox: Outbox,
  scope: CallScope,
  entry: Pick<ServerStreamEntry<Request, Plan, Item>, 'encode' | 'positionOf'>,
  stallTimeoutMs: number,
): Promise<void> {
  for (;;) {
    const next = await iterator.next();
    if (next.done || scope.endedBy !== undefined) return;
    outbox.write(entry.encode(next.value));
    if (outbox.hasRoom || (await outbox.room(stallTimeoutMs))) continue;
    if (scope.endedBy !== undefined) return;
    throw new OverloadedError(`The reader took nothing for ${stallTimeoutMs} ms`, {
      limit: 'stall',
      position: entry.positionOf(next.value),
    });
  }
}
