import type { Writable } from 'node:stream';
import type { PackedMessage } from '../wire/encode-packed.js';

/** What a message costs beside its bytes. */
const OVERHEAD = 512;

/**
 * The messages that were written to a call and have not left yet, by their bytes: `write()` of a gRPC stream counts
 * messages, and would take sixteen pages of 2 MiB before it says "enough".
 */
export class Outbox {
  readonly #call: Writable;
  readonly #window: number;
  #bytes = 0;
  /** Who writes to a worker are many, and each waits by itself. */
  readonly #waiting = new Set<() => void>();

  constructor(call: Writable, window: number) {
    this.#call = call;
    this.#window = window;
  }

  /** Bytes that have not left. */
  get bytes(): number {
    return this.#bytes;
  }

  get hasRoom(): boolean {
    return this.#bytes <= this.#window;
  }

  /** Whether there is room left with the message, too. */
  fits(message: Buffer | PackedMessage): boolean {
    return this.#bytes + message.byteLength + OVERHEAD <= this.#window;
  }

  write(message: Buffer | PackedMessage): void {
    this.send(message, message.byteLength);
  }

  /** As {@link write}, for a message that the call encodes, of about so many bytes. */
  send(message: unknown, bytes: number): void {
    const size = bytes + OVERHEAD;
    this.#bytes += size;
    this.#call.write(message, () => {
      this.#bytes -= size;
      this.#progressed();
    });
  }

  /** Resolves when there is room again; with `false` if nothing at all has left for so many milliseconds. */
  async room(stallTimeoutMs: number): Promise<boolean> {
    while (!this.hasRoom) if (!(await this.#progress(stallTimeoutMs))) return false;
    return true;
  }

  #progress(stallTimeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (moved: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve(moved);
      };
      const go = () => settle(true);
      const timer = setTimeout(settle, stallTimeoutMs, false);
      this.#waiting.add(go);
    });
  }

  #progressed(): void {
    for (const go of this.#waiting) go();
  }

  /** Ends a wait for room. */
  close(): void {
    this.#progressed();
  }
}
