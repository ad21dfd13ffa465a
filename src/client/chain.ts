import { HeadwaterError } from '../core/errors.js';

/** What every message of Load and Subscribe tells. */
export interface ScannedRange {
  readonly scannedAfter: bigint;
  readonly scannedTo: bigint;
}

/** Pages do not meet: something between the service and here has lost or repeated one. */
export class BrokenChainError extends HeadwaterError {
  override readonly reason = 'INTERNAL';
}

/** Verifies that each range begins where the one before it ended, so that no event can be lost unseen. */
export class Chain {
  readonly #direction: 'FORWARDS' | 'BACKWARDS';
  #end: bigint | undefined;

  /** @param end where the first range has to begin, if that is known */
  constructor(direction: 'FORWARDS' | 'BACKWARDS', end?: bigint) {
    this.#direction = direction;
    this.#end = end;
  }

  /** Throws {@link BrokenChainError} if the range is not the next. */
  verify({ scannedAfter, scannedTo }: ScannedRange): void {
    const [begin, end] =
      this.#direction === 'FORWARDS' ? [scannedAfter, scannedTo] : [scannedTo, scannedAfter];
    if (scannedTo < scannedAfter || (this.#end !== undefined && begin !== this.#end))
      throw new BrokenChainError(
        `The service sent the range above ${scannedAfter} up to ${scannedTo}, expected one that begins at ${this.#end ?? begin}`,
      );
    this.#end = end;
  }
}
