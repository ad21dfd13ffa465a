import type { Microseconds, NewEvent } from '../core/event.js';
import { utf8Bytes } from '../core/validate.js';
import type { StreamId } from '../core/stream.js';

/** An event that comes true at a moment, unless that is taken back. */
export interface Deadline {
  /** Under which it is taken back, or replaced. */
  readonly key: string;
  readonly at: Microseconds;
  readonly stream: StreamId;
  /** With its id. */
  readonly event: NewEvent;
}

/** What one reactor may have pending … */
export const PENDING_DEADLINES = 10_000;
/** … and the bytes that they take as JSON, since all of them are saved together. */
export const PENDING_DEADLINE_BYTES = 3.5 * 1024 * 1024;

interface Entry {
  readonly deadline: Deadline;
  /** Encoded once. */
  readonly json: string;
  readonly bytes: number;
}

/** The deadlines of a reactor that are still to come, as they are kept in its saved state. */
export class PendingDeadlines {
  readonly #entries: Map<string, Entry>;
  #bytes: number;
  #next: Microseconds | undefined;

  private constructor(entries: Map<string, Entry>) {
    this.#entries = entries;
    this.#bytes = [...entries.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    this.#next = this.#earliest();
  }

  /** What was saved; none if nothing was. Throws `SyntaxError` for what is no such state. */
  static from(state: Uint8Array): PendingDeadlines {
    if (state.byteLength === 0) return new PendingDeadlines(new Map());
    const { deadlines } = JSON.parse(new TextDecoder().decode(state)) as {
      readonly deadlines: readonly Saved[];
    };
    return new PendingDeadlines(new Map(deadlines.map((saved) => [saved.key, entryOf(deadlineOf(saved))])));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** When the next one comes true. */
  get next(): Microseconds | undefined {
    return this.#next;
  }

  copy(): PendingDeadlines {
    return new PendingDeadlines(new Map(this.#entries));
  }

  /** Adds it, or puts it in the place of the one with its key. Throws `RangeError` beyond what may be pending. */
  set(deadline: Deadline): void {
    const entry = entryOf(deadline);
    const former = this.#entries.get(deadline.key);
    const bytes = this.#bytes + entry.bytes - (former?.bytes ?? 0);
    if (former === undefined && this.size >= PENDING_DEADLINES)
      throw new RangeError(`${this.size} deadlines are pending, which is the limit of one reactor`);
    if (bytes > PENDING_DEADLINE_BYTES)
      throw new RangeError(
        `The pending deadlines take ${bytes} bytes, the limit of one reactor is ${PENDING_DEADLINE_BYTES}`,
      );
    this.#entries.set(deadline.key, entry);
    this.#bytes = bytes;
    if (former !== undefined && former.deadline.at === this.#next) this.#next = this.#earliest();
    else if (this.#next === undefined || deadline.at < this.#next) this.#next = deadline.at;
  }

  /** Gives whether there was one. */
  delete(key: string): boolean {
    const former = this.#entries.get(key);
    if (former === undefined) return false;
    this.#entries.delete(key);
    this.#bytes -= former.bytes;
    if (former.deadline.at === this.#next) this.#next = this.#earliest();
    return true;
  }

  /** Those up to a moment, the earliest first. */
  dueBy(now: Microseconds): readonly Deadline[] {
    if (this.#next === undefined || this.#next > now) return [];
    return [...this.#entries.values()]
      .map(({ deadline }) => deadline)
      .filter(({ at }) => at <= now)
      .sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
  }

  /** To be saved. */
  encoded(): Uint8Array {
    const all = [...this.#entries.values()].map(({ json }) => json);
    return new TextEncoder().encode(`{"deadlines":[${all.join(',')}]}`);
  }

  #earliest(): Microseconds | undefined {
    let next: Microseconds | undefined;
    for (const { deadline } of this.#entries.values())
      if (next === undefined || deadline.at < next) next = deadline.at;
    return next;
  }
}

/** As JSON. */
interface Saved {
  readonly key: string;
  readonly at: string;
  readonly stream: StreamId;
  readonly event: Omit<NewEvent, 'data'> & { readonly data: string };
}

function entryOf(deadline: Deadline): Entry {
  const { key, at, stream, event } = deadline;
  const saved: Saved = { key, at: String(at), stream, event: { ...event, data: toBase64(event.data) } };
  const json = JSON.stringify(saved);
  return { deadline, json, bytes: utf8Bytes(json) + 1 };
}

function deadlineOf({ key, at, stream, event }: Saved): Deadline {
  return { key, at: BigInt(at), stream, event: { ...event, data: fromBase64(event.data) } };
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
