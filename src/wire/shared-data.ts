/** What Node's `Buffer.from` shares as well. */
const SHARED_BYTES = 8192;

/**
 * The data of a page's events, each a view of a copy that some of them share: a copy for each takes twenty times as long as a
 * view. Who keeps the data of one event keeps at most 8 KiB with it, and never the page.
 */
export class SharedData {
  readonly #page: Buffer;
  #copy: ArrayBufferLike = new ArrayBuffer(0);
  #from = 0;
  #to = 0;

  constructor(page: Buffer) {
    this.#page = page;
  }

  /** The bytes of a range; ranges have to be asked for in their order. */
  view(from: number, to: number): Uint8Array {
    const length = to - from;
    if (length === 0) return new Uint8Array(0);
    if (length > SHARED_BYTES / 2) return new Uint8Array(this.#copyOf(from, to));
    if (to > this.#to) {
      this.#from = from;
      this.#to = Math.min(from + SHARED_BYTES, this.#page.byteLength);
      this.#copy = this.#copyOf(from, this.#to);
    }
    return new Uint8Array(this.#copy, from - this.#from, length);
  }

  #copyOf(from: number, to: number): ArrayBufferLike {
    const { buffer, byteOffset } = this.#page;
    return buffer.slice(byteOffset + from, byteOffset + to);
  }
}
