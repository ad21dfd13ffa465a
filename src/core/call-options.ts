/** How long a call may take. */
export interface CallOptions {
  /**
   * Ends the call: it rejects with the signal's reason and frees what it held. An append that was already sent to the
   * database may still be applied.
   */
  readonly signal?: AbortSignal;
  /**
   * How long the caller waits, in milliseconds; what waits for a position gives up shortly before.
   * @default 5000
   */
  readonly timeoutMilliseconds?: number;
}

/** As much of the caller's time as may be waited for, so that the answer still finds the caller. */
export function patience(milliseconds: number): number {
  return Math.max(0, milliseconds - Math.max(50, milliseconds / 10));
}
