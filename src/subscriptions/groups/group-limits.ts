/** Events of one delivery … */
export const DELIVERY_EVENTS = 32;
/** … and their bytes, or one event. */
export const DELIVERY_BYTES = 256 * 1024;
/** Bytes of the deliveries of one message, or one delivery. */
export const MESSAGE_BYTES = 2 * 1024 * 1024;
/** Bytes that may be under way to one member, whatever its credit in events; or one delivery. */
export const IN_FLIGHT_BYTES = 16 * 1024 * 1024;
/** Nothing more is read while so many events wait at a member; a page, of 1,000 events and 2 MiB, may come on top … */
export const WAITING_EVENTS = 1000;
/** … or so many bytes. */
export const WAITING_BYTES = 4 * 1024 * 1024;
/** Streams of one member that are replayed at a time … */
export const REPLAYS = 16;
/** … and how many are read at a time. */
export const READS = 4;
/** Members of one beat … */
export const BEAT_MEMBERS = 1000;
/** … and its pieces of news. */
export const BEAT_NEWS = 10_000;
/** Milliseconds at least between two beats, so that many answers go together. */
export const BEAT_GAP_MS = 25;
/** Memberships of one instance and namespace. */
export const MEMBERSHIPS = 10_000;
/** Milliseconds before a read that failed is tried again, doubled up to the most. */
export const BACKOFF_MS = { first: 100, most: 5000 };
