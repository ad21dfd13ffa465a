import { build } from 'hdr-histogram-js';

/** Milliseconds. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** How long calls took, in an HDR histogram of microseconds with three digits. */
export class Latency {
  readonly #histogram = build({ bitBucketSize: 32, numberOfSignificantValueDigits: 3 });

  /** What the work takes is noted; what it fails with is thrown on. */
  async of<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    this.#histogram.recordValue(Math.max(1, Math.round((performance.now() - began) * 1000)));
    return result;
  }

  get median(): number {
    return this.#histogram.getValueAtPercentile(50) / 1000;
  }

  add(other: Latency): void {
    this.#histogram.add(other.#histogram);
  }

  percentiles(): Percentiles {
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1000;
    return { count: this.#histogram.totalCount, p50: at(50), p90: at(90), p99: at(99), max: at(100) };
  }
}
