/** Names one stream: all the events of one aggregate. */
export interface StreamId {
  /** The kind of aggregate; 1 to 255 bytes of UTF-8, no control characters, no `$` in front. */
  readonly aggregateType: string;
  /** Which aggregate of that kind; 1 to 255 bytes of UTF-8, no control characters. */
  readonly aggregateId: string;
}

/** A stream and the version of its last event. */
export interface StreamVersion {
  readonly stream: StreamId;
  /** 1 is the first event's. */
  readonly version: bigint;
}

/** A key under which a stream can stand in a Map; names have no control characters, so it is unambiguous. */
export function streamKey(stream: StreamId): string {
  return `${stream.aggregateType}\n${stream.aggregateId}`;
}
