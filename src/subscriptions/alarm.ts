import type { Runtime } from '../core/runtime.js';

/** Made once: an error notes the stack, and an alarm is set anew for each that falls asleep. */
const OFF = new Error('The alarm is off');

/** Calls back once when the earliest of the times has come for which it was set. */
export class Alarm {
  readonly #runtime: Runtime;
  readonly #ring: () => void;
  #sleeping: AbortController | undefined;
  #at = Infinity;

  constructor(runtime: Runtime, ring: () => void) {
    this.#runtime = runtime;
    this.#ring = ring;
  }

  /** @param at by the monotonic clock; one that is later than what it is set for changes nothing */
  set(at: number): void {
    if (at >= this.#at) return;
    this.clear();
    this.#at = at;
    const sleeping = new AbortController();
    this.#sleeping = sleeping;
    this.#runtime.sleep(Math.max(0, at - this.#runtime.monotonic()), sleeping.signal).then(
      () => {
        if (this.#sleeping !== sleeping) return;
        this.#sleeping = undefined;
        this.#at = Infinity;
        this.#ring();
      },
      () => undefined,
    );
  }

  clear(): void {
    this.#at = Infinity;
    this.#sleeping?.abort(OFF);
    this.#sleeping = undefined;
  }
}
