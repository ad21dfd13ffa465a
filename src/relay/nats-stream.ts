import type { JetStream } from './nats-connection.js';

const STREAM_NOT_FOUND = 10_059;
const NANOS_OF_A_SECOND = 1_000_000_000;
/** Longer than a relay that was killed takes to begin again at its checkpoint. */
const DUPLICATE_WINDOW = 600 * NANOS_OF_A_SECOND;

/** Makes the stream if it is missing; one that is there stays as it is. */
export async function ensureStream({ manager }: JetStream, name: string, prefix: string): Promise<void> {
  try {
    await manager.streams.info(name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === STREAM_NOT_FOUND)) throw error;
    await manager.streams.add({
      name,
      subjects: [`${prefix}.>`],
      storage: 'file',
      duplicate_window: DUPLICATE_WINDOW,
    });
  }
}
