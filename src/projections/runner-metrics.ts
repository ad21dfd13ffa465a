/** What a generation counted since its runner took it; times and counts are sums. */
export interface ProjectionMetrics {
  /** Events that arrived. */
  readonly received: number;
  /** Events whose effect is kept. */
  readonly handled: number;
  /** Events left out after a failure. */
  readonly ignored: number;
  /** Failures of handlers and stores, each try counted. */
  readonly failures: number;
  /** Batches that were kept. */
  readonly batches: number;
  /** From each event's arrival until it was taken up, in milliseconds. */
  readonly queuedMs: number;
  /** In which batches were handled, failed ones too, in milliseconds. */
  readonly processingMs: number;
  /** Positions between what is kept and the last that arrived. */
  readonly lag: number;
}

/** Counts for one generation. */
export class MetricsCounter {
  received = 0;
  handled = 0;
  ignored = 0;
  failures = 0;
  batches = 0;
  queuedMs = 0;
  processingMs = 0;

  with(lag: bigint): ProjectionMetrics {
    const { received, handled, ignored, failures, batches, queuedMs, processingMs } = this;
    return {
      received,
      handled,
      ignored,
      failures,
      batches,
      queuedMs,
      processingMs,
      lag: lag > 0n ? Number(lag) : 0,
    };
  }
}
