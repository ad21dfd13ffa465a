import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { Runtime } from '../core/runtime.js';
import { backoff } from './backoff.js';
import { callUnary } from './calls.js';
import type { Channels } from './channels.js';
import { isTransient } from './failure.js';
import { LinkedSignal } from './linked-signal.js';

/** Through what is asked. */
export interface AskParts {
  readonly channels: Channels;
  readonly runtime: Runtime;
  /** Aborted when the connection is closed. */
  readonly closed: AbortSignal;
}

export interface AskOptions {
  /** Milliseconds for which it is tried. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the question may be put twice. What may not is tried again only where it is sure that nothing was done.
   * @default true
   */
  readonly idempotent?: boolean;
}

/** One request, one answer; tried again while the service is away or overloaded. */
export async function ask<Input extends DescMessage, Output extends DescMessage>(
  { channels, closed, runtime }: AskParts,
  method: DescMethodUnary<Input, Output>,
  request: MessageShape<Input>,
  { idempotent = true, signal, timeoutMs }: AskOptions,
): Promise<MessageShape<Output>> {
  closed.throwIfAborted();
  const begun = runtime.monotonic();
  const linked = new LinkedSignal([signal, closed]);
  try {
    for (let failures = 1; ; failures++) {
      const client = channels.current;
      const left = timeoutMs - (runtime.monotonic() - begun);
      try {
        return await callUnary(client, method, request, { timeoutMs: left, signal: linked.signal });
      } catch (error) {
        if (!isTransient(error)) throw error;
        channels.failed(client);
        const pause = backoff(failures, runtime, error.retryAfterMilliseconds);
        if (runtime.monotonic() - begun + pause > timeoutMs) throw error;
        if (!idempotent && error.outcome !== 'NOT_APPLIED') throw error;
        await runtime.sleep(pause, linked.signal);
      }
    }
  } finally {
    linked.close();
  }
}
