import { MAX_BIGINT } from '../core/limits.js';

/** The values of a statement that is put together: gives each its `$n`, so that none is ever part of the text. */
export class Parameters {
  readonly values: unknown[] = [];

  bigint(value: bigint): string {
    return this.#add(String(clamp(value)), 'bigint');
  }

  bigints(values: readonly bigint[]): string {
    return this.#add(
      values.map((value) => String(clamp(value))),
      'bigint[]',
    );
  }

  text(value: string): string {
    return this.#add(value, 'text');
  }

  texts(values: readonly string[]): string {
    return this.#add(values, 'text[]');
  }

  boolean(value: boolean): string {
    return this.#add(String(value), 'boolean');
  }

  #add(value: string | readonly string[], type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }
}

function clamp(value: bigint): bigint {
  return value > MAX_BIGINT ? MAX_BIGINT : value;
}
