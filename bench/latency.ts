import { build } from 'hdr-histogram-js';

/** Milliseconds. */
export interface Percentiles {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** More of them, to be drawn: each percentile with its milliseconds, rising. */
  readonly curve: readonly (readonly [percentile: number, milliseconds: number])[];
}

/** Denser towards the end, where what is seldom and long is. */
const CURVE = [0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.99, 99.999];

/** How long calls took, in an HDR histogram of microseconds with three digits. */
export class Latency {
  readonly #histogram = build({ bitBucketSize: 32, numberOfSignificantValueDigits: 3 });

  /** What the work takes is noted; what it fails with is thrown on. */
  async of<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    this.record(performance.now() - began);
    return result;
  }

  record(milliseconds: number): void {
    this.#histogram.recordValue(Math.max(1, Math.round(milliseconds * 1000)));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  get median(): number {
    return this.#histogram.getValueAtPercentile(50) / 1000;
  }

  add(other: Latency): void {
    this.#histogram.add(other.#histogram);
  }

  percentiles(): Percentiles {
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1000;
    const { count } = this;
    return {
      count,
      mean: Math.round(this.#histogram.mean) / 1000,
      p50: at(50),
      p90: at(90),
      p99: at(99),
      p999: at(99.9),
      max: at(100),
      // Of a hundred calls nothing is known about one in ten thousand.
      curve: CURVE.filter((percentile) => Math.round(count * (100 - percentile)) >= 100).map((percentile) => [
        percentile,
        at(percentile),
      ]),
    };
  }
}
