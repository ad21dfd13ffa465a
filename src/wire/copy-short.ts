const NOTHING: Uint8Array = new Uint8Array(0);

/** The bytes that were last seen, and how words of them are read and written. */
class Viewed {
  #bytes = NOTHING;
  #view = new DataView(NOTHING.buffer);

  of(bytes: Uint8Array): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#view;
  }
}

// One page's events lie in few buffers, and become one.
const read = new Viewed();
const written = new Viewed();
const WORD = 4;

/**
 * Copies bytes of which there are few, as texts have: four at a time, the last four once more where they do not come out even.
 * Half the time of a loop over bytes, a sixth of what the runtime takes to begin a copy of its own.
 */
export function copyShort(
  out: Uint8Array,
  to: number,
  bytes: Uint8Array,
  from: number,
  length: number,
): void {
  if (length < WORD) {
    for (let index = 0; index < length; index++) out[to + index] = bytes[from + index] as number;
    return;
  }
  const source = read.of(bytes);
  const target = written.of(out);
  const last = length - WORD;
  for (let index = 0; index < last; index += WORD)
    target.setUint32(to + index, source.getUint32(from + index, true), true);
  target.setUint32(to + last, source.getUint32(from + last, true), true);
}
