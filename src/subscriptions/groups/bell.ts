/** Wakes who waits for something to change; one that rings while nobody waits is remembered. */
export class Bell {
  #wake: (() => void) | undefined;
  #rung = false;

  ring(): void {
    if (this.#wake === undefined) this.#rung = true;
    else this.#wake();
    this.#wake = undefined;
  }

  /** To be waited for by one at a time. */
  async heard(): Promise<void> {
    if (this.#rung) {
      this.#rung = false;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
