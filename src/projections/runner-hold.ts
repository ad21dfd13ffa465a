/** One generation has another stand still between two messages, while it takes its place. */
export class Hold {
  /** Where it stands still; `undefined` while it is still on its way, or if it has ended. */
  position: bigint | undefined;
  arrived = false;
  released = false;
  readonly #onArrived: () => void;
  readonly #onReleased: () => void;

  /** @param target at least so far it is to come, and if it is not there yet exactly so far */
  constructor(
    readonly target: bigint,
    parts: { readonly onArrived: () => void; readonly onReleased: () => void },
  ) {
    this.#onArrived = parts.onArrived;
    this.#onReleased = parts.onReleased;
  }

  arrive(position: bigint | undefined): void {
    if (this.arrived) return;
    this.arrived = true;
    this.position = position;
    this.#onArrived();
  }

  release(): void {
    this.released = true;
    this.#onReleased();
  }
}
