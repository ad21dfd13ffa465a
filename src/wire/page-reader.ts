import type { Microseconds } from '../core/event.js';
import { KnownTexts } from './known-texts.js';
import { MessageReader, unusual } from './message-reader.js';
import { SharedData } from './shared-data.js';

/** Until the year 2242 microseconds have room in a double. What was before 1970 has ten bytes and is unusual. */
const LAST_SECOND = 2 ** 33;
const SMALL = Array.from({ length: 0x80 }, (_, value) => BigInt(value));
const long = new DataView(new ArrayBuffer(8));
/** Apart, or the many values would push the few names out. */
const names = new KnownTexts();
const values = new KnownTexts();

/** A message of events. Fields of a later version are passed by, so that they cost what they weigh and no more. */
export class PageReader extends MessageReader {
  readonly #bytes: DataView;
  readonly #data: SharedData;
  #time: Microseconds = 0n;
  #seconds = 0;
  #nanos = 0;
  readonly #utf8 = (from: number, to: number) => this.utf8(from, to);

  constructor(page: Buffer) {
    super(page);
    this.#bytes = new DataView(page.buffer, page.byteOffset, page.byteLength);
    this.#data = new SharedData(page);
  }

  /** Twice as fast as `BigInt(number)`, and there are three in an event. */
  override uint64(): bigint {
    const value = this.varint();
    if (value < 0x80) return SMALL[value] ?? 0n;
    long.setUint32(0, value / 0x100000000);
    long.setUint32(4, value);
    return long.getBigUint64(0);
  }

  bool(): boolean {
    return this.varint() !== 0;
  }

  /** A text of which there are few. */
  name(): string {
    const to = this.limit();
    const text = names.find(this.#bytes, this.at, to, this.#utf8);
    this.at = to;
    return text;
  }

  /** A text that the events beside may have too. */
  value(): string {
    const to = this.limit();
    const text = values.find(this.#bytes, this.at, to, this.#utf8);
    this.at = to;
    return text;
  }

  data(): Uint8Array {
    const to = this.limit();
    const data = this.#data.view(this.at, to);
    this.at = to;
    return data;
  }

  /** A Timestamp; most are the one before once more. */
  time(): Microseconds {
    const end = this.limit();
    let seconds = 0;
    let nanos = 0;
    while (this.at < end) {
      const tag = this.tag();
      if (tag === 0x08) seconds = this.varint();
      else if (tag === 0x10) nanos = this.varint();
      else this.skip(tag, 2);
    }
    this.leave(end);
    if (seconds === this.#seconds && nanos === this.#nanos) return this.#time;
    if (seconds > LAST_SECOND || nanos > 999_999_999) unusual();
    this.#seconds = seconds;
    this.#nanos = nanos;
    this.#time = BigInt(seconds * 1e6 + Math.trunc(nanos / 1000));
    return this.#time;
  }

  /** Passes a field by whose number is above `known`, the highest of this version. */
  skip(tag: number, known: number): void {
    if (tag > 0xffff_ffff || tag >>> 3 <= known) unusual();
    switch (tag & 7) {
      case 0:
        this.varint();
        return;
      case 1:
        this.at += 8;
        return;
      case 2:
        this.at = this.limit();
        return;
      case 5:
        this.at += 4;
        return;
      default:
        unusual();
    }
  }

  /** Nothing of a message may stand behind its end. */
  leave(end: number): void {
    if (this.at !== end) unusual();
  }
}
