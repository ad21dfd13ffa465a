import type { EventStore } from '../core/event-store.js';
import { eventsOf } from '../core/load.js';
import type { StreamChanged, StreamChangeRequest } from '../core/stream-changes.js';
import type { StreamId } from '../core/stream.js';
import { countingProgress } from './progress.js';
import { nameOf } from './stream-argument.js';

/** So often it is looked how far the erasure is. */
const LOOK_MILLISECONDS = 1000;
const LOOK = { timeoutMilliseconds: 5000 };

/**
 * Erases the stream, and shows on a terminal how far it is. When it is interrupted or takes too long, says on standard error
 * what is on record and what is still to be done, and fails with why it was left.
 */
export async function watchedErasure(
  eventStore: EventStore,
  request: StreamChangeRequest & { readonly eventId: string },
  signal: AbortSignal,
): Promise<StreamChanged> {
  const progress = countingProgress('versions emptied');
  const looks = new AbortController();
  const looking = look(eventStore, request.stream, looks.signal, (done) => progress.add(Number(done)));
  try {
    return await eventStore.eraseStream(request, { signal });
  } catch (error) {
    progress.stop();
    const left = await whatIsLeft(eventStore, request);
    if (left !== undefined) process.stderr.write(`${left}\n`);
    throw error;
  } finally {
    looks.abort(new Error('It has ended'));
    await looking;
    progress.stop();
  }
}

/** Tells of each look how many versions were emptied since the last. */
async function look(
  eventStore: EventStore,
  stream: StreamId,
  signal: AbortSignal,
  emptied: (versions: bigint) => void,
): Promise<void> {
  if (!process.stderr.isTTY) return;
  let last = 0n;
  while (!signal.aborted) {
    // A look that fails tells nothing; the erasure itself fails if there is something wrong.
    const info = await eventStore.getStream(stream, { ...LOOK, signal }).catch(() => undefined);
    if (info !== undefined) {
      if (info.erasing < last) emptied(last - info.erasing);
      last = info.erasing;
    }
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, LOOK_MILLISECONDS);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}

/** In a sentence what became of an erasure that was not waited for; `undefined` if nothing is known to be on record. */
export async function whatIsLeft(
  eventStore: EventStore,
  { stream, eventId }: StreamChangeRequest & { readonly eventId: string },
): Promise<string | undefined> {
  try {
    const erasures = eventStore.load(
      {
        scope: { kind: 'STREAM', stream },
        filters: [{ eventTypes: ['$stream-erased'] }],
        direction: 'BACKWARDS',
        includeDeleted: true,
      },
      LOOK,
    );
    for await (const event of eventsOf(erasures)) {
      if (event.eventId !== eventId.toLowerCase()) continue;
      const { erasing } = await eventStore.getStream(stream, LOOK);
      return (
        `${nameOf(stream)} is deleted and its erasure recorded as event ${event.eventId} at version ${event.version}; ` +
        `${erasing} versions are still to be emptied, and the service goes on by itself; ` +
        `wait for it with --event-id ${event.eventId}`
      );
    }
    return undefined;
  } catch {
    // The service is away: why the erasure itself failed says so.
    return undefined;
  }
}
