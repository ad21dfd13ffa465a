import type { Nack } from '../core/consumer-groups.js';
import { OverloadedError } from '../core/errors.js';
import { ACK_POSITIONS } from '../core/validate-group.js';
import type { FromConsumer } from '../wire/consume.js';

/** Positions in answers whose result is not there yet; more are refused. */
const WAITING_POSITIONS = 100_000;

interface Answer {
  readonly positions: readonly bigint[];
  readonly nack: Nack | undefined;
  readonly resolve: (lost: readonly bigint[]) => void;
  readonly reject: (error: Error) => void;
}

/** What a member has said about deliveries and has no result of: acks that follow each other go in one message. */
export class GroupAnswers {
  #waiting: Answer[] = [];
  readonly #sent = new Map<bigint, readonly Answer[]>();
  #positions = 0;
  #correlation = 0n;

  /** Resolves with the positions that were lost. Rejects with `OverloadedError` where too many wait. */
  add(positions: readonly bigint[], nack?: Nack): Promise<readonly bigint[]> {
    if (this.#positions + positions.length > WAITING_POSITIONS)
      return Promise.reject(
        new OverloadedError(`Answers about ${WAITING_POSITIONS} positions wait, which is all that may`, {
          limit: 'answers',
          outcome: 'NOT_APPLIED',
        }),
      );
    this.#positions += positions.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ positions, nack, resolve, reject });
    });
  }

  /** The next message, which counts as sent; `undefined` if nothing waits. */
  next(): FromConsumer | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const correlation = ++this.#correlation;
    if (first.nack !== undefined) {
      this.#sent.set(correlation, this.#waiting.splice(0, 1));
      return { kind: 'NACK', correlation, nack: first.nack };
    }
    let count = 0;
    let end = 0;
    for (const { nack, positions } of this.#waiting) {
      if (nack !== undefined || (end > 0 && count + positions.length > ACK_POSITIONS)) break;
      count += positions.length;
      end += 1;
    }
    const answers = this.#waiting.splice(0, end);
    this.#sent.set(correlation, answers);
    return { kind: 'ACK', correlation, positions: answers.flatMap(({ positions }) => positions) };
  }

  /** What became of a message. */
  settle(correlation: bigint, lost: readonly bigint[]): void {
    const answers = this.#sent.get(correlation) ?? [];
    this.#sent.delete(correlation);
    const gone = new Set(lost);
    for (const { positions, resolve } of answers) {
      this.#positions -= positions.length;
      resolve(positions.filter((position) => gone.has(position)));
    }
  }

  /** There will be no results any more. */
  rejectAll(error: Error): void {
    for (const { reject } of [...[...this.#sent.values()].flat(), ...this.#waiting]) reject(error);
    this.#sent.clear();
    this.#waiting = [];
  }
}
