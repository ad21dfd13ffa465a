import type { AppendCondition } from '../core/append.js';
import type { CallOptions } from '../core/call-options.js';
import type { ConditionChecked } from './check-condition.js';
import type { PreparedAppend } from './prepared-append.js';

/** A condition that looks back no further is checked under the log's lock alone. */
const SHORT = 1000n;

/**
 * Has long conditions looked at before their append waits for its turn, so that nobody waits for that under the log's
 * lock. What one caller sends stays in order: an append whose caller (known by its signal) still has one being looked at
 * waits for it.
 */
export class ConditionChecks {
  readonly #check: (condition: AppendCondition, signal: AbortSignal | undefined) => Promise<ConditionChecked>;
  readonly #pending = new Map<AbortSignal, Promise<unknown>>();

  /** @param check tells up to which position the condition holds */
  constructor(
    check: (condition: AppendCondition, signal: AbortSignal | undefined) => Promise<ConditionChecked>,
  ) {
    this.#check = check;
  }

  /** The append when it may take its place, or `undefined` if that is at once. */
  before(prepared: PreparedAppend, head: bigint, options: CallOptions): Promise<PreparedAppend> | undefined {
    const { condition } = prepared.request;
    const long = condition !== undefined && (head === 0n || head - (condition.after?.position ?? 0n) > SHORT);
    if (!long && this.#pending.size === 0) return undefined;
    const { signal } = options;
    const former = signal && this.#pending.get(signal);
    if (!long && former === undefined) return undefined;
    const checked = long ? this.#check(condition, signal) : Promise.resolve(prepared.conditionChecked);
    const mine = (async () => {
      const [conditionChecked] = await Promise.all([checked, former]);
      return { ...prepared, conditionChecked };
    })();
    if (signal === undefined) return mine;
    // Whether it succeeds is its own caller's business; those behind wait only for its end.
    const end = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#pending.set(signal, end);
    void end.then(() => {
      if (this.#pending.get(signal) === end) this.#pending.delete(signal);
    });
    return mine;
  }
}
