import type { MemberSlot } from './member-slot.js';

/** Answers of a consumer that wait for the beat which confirms that their slots were still the member's. */
export class MemberAnswers {
  #waiting = new Set<Answer>();

  get areConfirmed(): boolean {
    return this.#waiting.size === 0;
  }

  /** Resolves with the positions that were lost. */
  wait(
    bySlot: ReadonlyMap<MemberSlot, readonly bigint[]>,
    lost: readonly bigint[],
  ): Promise<readonly bigint[]> {
    for (const slot of bySlot.keys()) slot.unconfirmed += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.add({ bySlot, lost, resolve, reject });
    });
  }

  /** Those that a beat sent now will confirm, unless it leaves one of these slots out. */
  before(leftOut: ReadonlySet<MemberSlot>): readonly Answer[] {
    return [...this.#waiting].filter(({ bySlot }) => ![...bySlot.keys()].some((slot) => leftOut.has(slot)));
  }

  /** The beat was answered. */
  confirm(answers: readonly Answer[]): void {
    for (const answer of answers) {
      const lost = [...answer.lost];
      for (const [slot, positions] of answer.bySlot) {
        slot.unconfirmed -= 1;
        if (slot.state === 'GONE') lost.push(...positions);
      }
      this.#waiting.delete(answer);
      answer.resolve(lost);
    }
  }

  reject(error: Error): void {
    for (const answer of this.#waiting) answer.reject(error);
    this.#waiting.clear();
  }
}

export interface Answer {
  readonly bySlot: ReadonlyMap<MemberSlot, readonly bigint[]>;
  readonly lost: readonly bigint[];
  readonly resolve: (lost: readonly bigint[]) => void;
  readonly reject: (error: Error) => void;
}
