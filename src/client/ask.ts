import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import { DeadlineExceededError, type HeadwaterError, StoreUnavailableError } from '../core/errors.js';
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

/**
 * One request, one answer; tried again while the service is away or overloaded, and then fails with the last error. Of a
 * write that an earlier try may have done, the error never says `NOT_APPLIED`.
 */
export async function ask<Input extends DescMessage, Output extends DescMessage>(
  { channels, closed, runtime }: AskParts,
  method: DescMethodUnary<Input, Output>,
  request: MessageShape<Input>,
  { idempotent = true, signal, timeoutMs }: AskOptions,
): Promise<MessageShape<Output>> {
  const begun = runtime.monotonic();
  const linked = new LinkedSignal([signal, closed]);
  let underWay = false;
  let uncertain = false;
  let last: HeadwaterError | undefined;
  try {
    for (let failures = 1; ; failures++) {
      linked.signal.throwIfAborted();
      const client = channels.current;
      const left = timeoutMs - (runtime.monotonic() - begun);
      try {
        underWay = true;
        return await callUnary(client, method, request, { timeoutMs: left, signal: linked.signal });
      } catch (error) {
        // Why it took so long says more than that it did.
        if (error instanceof DeadlineExceededError && last !== undefined) throw last;
        // Any other refusal is final, after a lost answer too: a store looks for repeats before anything else.
        if (!isTransient(error) || linked.signal.aborted) throw error;
        underWay = false;
        last = error;
        uncertain ||= error.outcome !== 'NOT_APPLIED';
        channels.failed(client);
        const pause = backoff(failures, runtime, error.retryAfterMilliseconds);
        if (runtime.monotonic() - begun + pause > timeoutMs) throw error;
        if (!idempotent && error.outcome !== 'NOT_APPLIED') throw error;
        await runtime.sleep(pause, linked.signal);
      }
    }
  } catch (error) {
    if (isTransient(error) && error.outcome === 'NOT_APPLIED' && (uncertain || underWay))
      throw new StoreUnavailableError(error.message, {
        cause: error,
        outcome: 'UNKNOWN',
        retryAfterMilliseconds: error.retryAfterMilliseconds,
      });
    throw error;
  } finally {
    linked.close();
  }
}
