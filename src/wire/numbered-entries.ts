import { MessageReader, unusual, UnusualBytesError } from './message-reader.js';

/** One entry of a pipelined call in either direction: its correlation number, and what it carries. */
export interface NumberedEntry<Body> {
  readonly correlation: bigint;
  readonly body: Body;
}

/**
 * The entries of a message of a pipelined call, in order, each of a number (field 1) and a body (field 2), read by hand; or
 * what `byLibrary` makes of the message if anything in it is unusual.
 */
export function readNumberedEntries<Body, Entry>(
  bytes: Buffer,
  readBody: (reader: MessageReader, end: number) => Body,
  toEntry: (entry: NumberedEntry<Body>) => Entry,
  byLibrary: (bytes: Buffer) => readonly Entry[],
): readonly Entry[] {
  try {
    const reader = new MessageReader(bytes);
    const entries: Entry[] = [];
    while (reader.at < reader.end) {
      if (reader.tag() !== 0x0a) unusual();
      entries.push(toEntry(readEntry(reader, reader.limit(), readBody)));
    }
    return entries;
  } catch (error) {
    if (error instanceof UnusualBytesError) return byLibrary(bytes);
    throw error;
  }
}

function readEntry<Body>(
  reader: MessageReader,
  end: number,
  readBody: (reader: MessageReader, end: number) => Body,
): NumberedEntry<Body> {
  let correlation = 0n;
  let body: Body | undefined;
  while (reader.at < end)
    switch (reader.tag()) {
      case 0x08:
        correlation = reader.uint64();
        break;
      case 0x12:
        if (body !== undefined) unusual();
        body = readBody(reader, reader.limit());
        break;
      default:
        unusual();
    }
  if (reader.at !== end || body === undefined) return unusual();
  return { correlation, body };
}
