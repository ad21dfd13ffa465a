/**
 * A signal that follows several. By hand, since on Node 20 `AbortSignal.any` leaks while one of its signals lives on.
 */
export class LinkedSignal {
  readonly #controller = new AbortController();
  readonly #sources: readonly AbortSignal[];
  readonly #onAbort = () => {
    const source = this.#sources.find(({ aborted }) => aborted);
    this.#controller.abort(source?.reason);
  };

  constructor(sources: readonly (AbortSignal | undefined)[]) {
    this.#sources = sources.filter((source) => source !== undefined);
    for (const source of this.#sources) source.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#sources.some(({ aborted }) => aborted)) this.#onAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Lets go of the signals that are followed. */
  close(): void {
    for (const source of this.#sources) source.removeEventListener('abort', this.#onAbort);
  }
}
