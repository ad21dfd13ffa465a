import type { Client } from '@grpc/grpc-js';
import type { CallOptions } from '../core/call-options.js';
import { StoreUnavailableError } from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import { backoff } from './backoff.js';
import type { Channels } from './channels.js';
import { isTransient } from './failure.js';
import { LinkedSignal } from './linked-signal.js';

/** How calls of one answer are tried. */
export interface RetryParts {
  readonly channels: Channels;
  readonly runtime: Runtime;
  /** Milliseconds for all tries together, where the caller does not say. */
  readonly timeoutMs: number;
  /** Aborted when the connection is closed. */
  readonly closed: AbortSignal;
}

/** What one try has. */
export interface Try {
  readonly client: Client;
  /** Milliseconds that are left. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Tries until there is an answer, or the time is over; then fails with the last error. Only what is safe to send twice
 * may be tried so: reads, and writes whose ids are made before the first try. Of a write that may have been applied by
 * an earlier try, the error never says `NOT_APPLIED`.
 */
export async function retry<Answer>(
  { channels, runtime, timeoutMs, closed }: RetryParts,
  attempt: (one: Try) => Promise<Answer>,
  options: CallOptions = {},
): Promise<Answer> {
  const patience = options.timeoutMilliseconds ?? timeoutMs;
  const begun = runtime.monotonic();
  const linked = new LinkedSignal([options.signal, closed]);
  const { signal } = linked;
  let underWay = false;
  let uncertain = false;
  try {
    for (let failures = 1; ; failures++) {
      signal.throwIfAborted();
      const client = channels.current;
      try {
        underWay = true;
        const left = patience - (runtime.monotonic() - begun);
        return await attempt({ client, timeoutMs: left, signal });
      } catch (error) {
        // Any other refusal is final, after a lost answer too: a store looks for repeats before anything else.
        if (!isTransient(error) || signal.aborted) throw error;
        underWay = false;
        uncertain ||= error.outcome !== 'NOT_APPLIED';
        channels.failed(client);
        const pause = backoff(failures, runtime, error.retryAfterMilliseconds);
        if (runtime.monotonic() - begun + pause > patience) throw error;
        await runtime.sleep(pause, signal);
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
