/** A place in the order of appends. */
export interface Turn {
  /** Resolves when all that came before have gone, or never will. */
  readonly come: Promise<unknown>;
  /** Lets the next one go; may be called twice. */
  done(): void;
}

/** Keeps the order in which turns were taken, however long each takes to be ready. */
export class AppendTurns {
  #last: Promise<unknown> = Promise.resolve();

  take(): Turn {
    const come = this.#last;
    let done: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#last = come.then(() => mine);
    return { come, done };
  }
}
