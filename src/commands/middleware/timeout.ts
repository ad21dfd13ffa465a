import { DeadlineExceededError } from '../../core/errors.js';
import { onAbort } from '../../core/on-abort.js';
import type { Runtime } from '../../core/runtime.js';
import { type AnyMiddleware, typeOf } from '../middleware.js';

export interface TimeoutOptions {
  readonly runtime: Pick<Runtime, 'sleep'>;
  readonly milliseconds: number;
}

/**
 * Ends what takes too long with `DeadlineExceededError`, and aborts its signal. What became of it is not known; send the
 * command again with the same id.
 */
export function timeout({ runtime, milliseconds }: TimeoutOptions): AnyMiddleware {
  return (next) => async (handled, signal) => {
    signal.throwIfAborted();
    const inner = new AbortController();
    const timer = new AbortController();
    const letGo = onAbort(signal, () => inner.abort(signal.reason));
    const late = runtime.sleep(milliseconds, timer.signal).then(() => {
      const error = new DeadlineExceededError(`${typeOf(handled)} took longer than ${milliseconds} ms`, {
        outcome: 'UNKNOWN',
      });
      inner.abort(error);
      throw error;
    });
    try {
      return await Promise.race([next(handled, inner.signal), late]);
    } finally {
      letGo();
      // Whichever was second: nobody waits for it any more.
      late.catch(() => undefined);
      timer.abort(new Error('In time'));
    }
  };
}
