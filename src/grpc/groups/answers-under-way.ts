/** Answers of one member that are not committed yet; then no more is read … */
const ANSWERS = 256;
/** … or so many positions in them. */
const POSITIONS = 20_000;

/** The answers of a member that are being committed, by how many positions they are about. */
export class AnswersUnderWay {
  #answers = 0;
  #positions = 0;
  #whenNone: (() => void)[] = [];

  get hasRoom(): boolean {
    return this.#answers < ANSWERS && this.#positions < POSITIONS;
  }

  begin(positions: number): void {
    this.#answers += 1;
    this.#positions += positions;
  }

  end(positions: number): void {
    this.#answers -= 1;
    this.#positions -= positions;
    if (this.#answers > 0) return;
    const waiting = this.#whenNone;
    this.#whenNone = [];
    for (const go of waiting) go();
  }

  /** Resolves when none is under way. */
  async none(): Promise<void> {
    if (this.#answers === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenNone.push(resolve);
    });
  }
}
