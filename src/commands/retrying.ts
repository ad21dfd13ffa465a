import type { Runtime } from '../core/runtime.js';

export interface RetryOptions {
  readonly runtime: Pick<Runtime, 'sleep' | 'random'>;
  /**
   * Tries in all, the first included.
   * @default 10
   */
  readonly attempts?: number;
  /**
   * Milliseconds of the longest first pause; each later one may be twice as long, up to 250. The pause is taken by chance
   * below that, so that those who met once do not meet again.
   * @default 5
   */
  readonly pauseMilliseconds?: number;
  /** @default every error */
  readonly isRetryable?: (error: unknown) => boolean;
}

const LONGEST_PAUSE = 250;

/** Tries again with a pause between, a bounded number of times; then the last failure is the caller's. */
export async function retrying<T>(
  { runtime, attempts = 10, pauseMilliseconds = 5, isRetryable = () => true }: RetryOptions,
  signal: AbortSignal,
  attemptOnce: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(attempt);
    } catch (error) {
      if (attempt >= attempts || signal.aborted || !isRetryable(error)) throw error;
    }
    const longest = Math.min(pauseMilliseconds * 2 ** (attempt - 1), LONGEST_PAUSE);
    await runtime.sleep(runtime.random() * longest, signal);
  }
}
