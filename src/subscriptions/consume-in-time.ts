import { DeadlineExceededError } from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';

/**
 * Runs a handler, no longer than it may take: then its signal is aborted and this rejects with `DeadlineExceededError`. A
 * handler that does not listen to its signal goes on all the same, and nobody waits for it.
 */
export async function inTime(
  run: (signal: AbortSignal) => void | Promise<void>,
  {
    controller,
    timeoutMs,
    runtime,
  }: {
    readonly controller: AbortController;
    readonly timeoutMs: number | undefined;
    readonly runtime: Runtime;
  },
): Promise<void> {
  if (timeoutMs === undefined) return run(controller.signal);
  const clock = new AbortController();
  const late = runtime.sleep(timeoutMs, clock.signal).then(() => {
    const error = new DeadlineExceededError(`The handler took longer than ${timeoutMs} ms`);
    controller.abort(error);
    throw error;
  });
  late.catch(() => undefined);
  try {
    await Promise.race([run(controller.signal), late]);
  } finally {
    clock.abort();
  }
}
