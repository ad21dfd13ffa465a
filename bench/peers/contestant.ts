import type { Latency } from '../latency.js';

/** The stores that `npm run bench -- --peers` can put beside ours. */
export const PEER_NAMES = ['emmett', 'message-db', 'eventsourcing', 'umadb'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** As many events as an atomic batch has. */
export const BATCH_EVENTS = 100;

/** A store that takes turns with others: ours, or a peer. Each is driven in the way that is fastest for it. */
export interface Contestant {
  /** Name, version and how it is driven, for the table. */
  readonly label: string;
  /**
   * Appends one event a call to many small streams, each with its expected version; events a second. Calls are timed, but for
   * those that another process makes.
   */
  appendSingles(callers: number, milliseconds: number, latency: Latency): Promise<number>;
  /** Makes the streams that are read. */
  fill(sizes: ReadSizes): Promise<void>;
  /** Reads over and over, from beginning to end; events a second. Throws if an event is missing. */
  read(what: Reading, milliseconds: number): Promise<number>;
  /** Throws unless every event that was acknowledged is there, and no other. */
  verify(): Promise<void>;
  /** Ends it and drops what it has made. */
  close(): Promise<void>;
}

/** One long stream, or all streams in the order in which they were written. */
export type Reading = 'STREAM' | 'LOG';

/** How many events the long stream has, and how many there are in all. */
export interface ReadSizes {
  readonly stream: number;
  readonly log: number;
}

/** A contestant beside ours. */
export interface Peer extends Contestant {
  readonly name: PeerName;
  /** So many callers append single events at a time, and ours has so many in flight beside them. */
  readonly singles: readonly { readonly callers: number; readonly ours: number }[];
  /** Appends {@link BATCH_EVENTS} events a call, all or nothing, to a stream each. Not there where it has no such call. */
  appendBatches?(milliseconds: number, latency: Latency): Promise<number>;
  /** Processes that it has besides this one and the database. Their CPU counts as the client's, as that of one in process does. */
  readonly processes: readonly number[];
  /** What of it can be compared. */
  readonly reads: readonly Reading[];
  /** It hands out objects where others hand out bytes, so ours parses its JSON beside it. */
  readonly parses: boolean;
  /** Tries what can be set, for so long each, and keeps what is fastest; its label says what. */
  tune(what: 'SINGLES' | 'BATCHES', milliseconds: number): Promise<void>;
}

/** What must hold after each row, or an error would have been measured as fast. */
export function mustHave(label: string, acknowledged: number, found: number): void {
  if (found !== acknowledged)
    throw new Error(`${label} acknowledged ${acknowledged} events, and ${found} are there`);
}

/** Tries each for a while and answers with the fastest. */
export async function fastest<Setting>(
  settings: readonly Setting[],
  rateOf: (setting: Setting) => Promise<number>,
): Promise<Setting> {
  let best: { readonly setting: Setting; readonly rate: number } | undefined;
  for (const setting of settings) {
    const rate = await rateOf(setting);
    if (best === undefined || rate > best.rate) best = { setting, rate };
  }
  if (best === undefined) throw new RangeError('There is nothing to try');
  return best.setting;
}
