import { HeadwaterError } from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import { NotSentError } from './database.js';
import { failureOf } from './sqlstate.js';

export interface ResolvedOptions {
  readonly runtime: Runtime;
  /**
   * Milliseconds for which work whose answer was lost is done again.
   * @default 30000
   */
  readonly resolveMilliseconds?: number;
}

/**
 * Repeats `work`, which is a write that finds itself done when it is done twice, while its outcome is unknown. Rejects
 * with `UnresolvedError`, or with a refusal of the database.
 */
export async function resolved<T>(work: () => Promise<T>, options: ResolvedOptions): Promise<T> {
  const { runtime, resolveMilliseconds = 30_000 } = options;
  const began = runtime.monotonic();
  let sent = false;
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      // Committed, but not replicated: sending it again would find it and call it safe.
      if (error instanceof HeadwaterError)
        throw new UnresolvedError(error, sent || error.outcome === 'UNKNOWN');
      if (!(error instanceof NotSentError)) {
        const failure = failureOf(error);
        // That this try was refused, by a lock for instance that the lost one still holds, says nothing of that one.
        if (failure !== 'CONNECTION' && (!sent || failure === 'VALUE')) throw error;
        sent = true;
      }
      // What was never sent is not in doubt; the caller is told at once and may try again.
      if (!sent || runtime.monotonic() - began > resolveMilliseconds) throw new UnresolvedError(error, sent);
      await runtime.sleep(Math.min(1000, 20 * 2 ** attempt) * (0.5 + runtime.random() / 2));
    }
  }
}

/** The outcome of a write is not known, or it was never sent. */
export class UnresolvedError extends Error {
  constructor(
    cause: unknown,
    readonly sent: boolean,
  ) {
    super('The outcome of a write is not known', { cause });
  }
}
