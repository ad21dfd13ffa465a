import type { Runtime } from '../core/runtime.js';

/** How long a name is remembered, in milliseconds: what another instance makes is seen here after as long at most. */
const REMEMBERED = 1000;
/** How many are. */
const NAMES = 1000;

/** Names that could not be opened a moment ago, so that asking again and again costs the database nothing. */
export class RefusedNames {
  readonly #runtime: Runtime;
  readonly #refused = new Map<string, { readonly error: Error; readonly until: number }>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get(name: string): Error | undefined {
    const refused = this.#refused.get(name);
    if (refused === undefined) return undefined;
    if (this.#runtime.monotonic() < refused.until) return refused.error;
    this.#refused.delete(name);
    return undefined;
  }

  add(name: string, error: Error): void {
    this.#refused.delete(name);
    const [oldest] = this.#refused.keys();
    if (this.#refused.size >= NAMES && oldest !== undefined) this.#refused.delete(oldest);
    this.#refused.set(name, { error, until: this.#runtime.monotonic() + REMEMBERED });
  }

  delete(name: string): void {
    this.#refused.delete(name);
  }
}
