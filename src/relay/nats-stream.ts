import type { ConsumerConfig } from '@nats-io/jetstream';
import type { JetStream } from './nats-connection.js';

const STREAM_NOT_FOUND = 10_059;
const CONSUMER_NOT_FOUND = 10_014;
/** Longer than a relay that was killed takes to begin again at its checkpoint. */
const DUPLICATE_WINDOW_MS = 600_000;

/** What JetStream counts time in. */
export function nanos(milliseconds: number): number {
  return milliseconds * 1_000_000;
}

/** Makes the stream if it is missing; one that is there stays as it is. */
export async function ensureStream({ manager }: JetStream, name: string, prefix: string): Promise<void> {
  if (await found(manager.streams.info(name), STREAM_NOT_FOUND)) return;
  await manager.streams.add({
    name,
    subjects: [`${prefix}.>`],
    storage: 'file',
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  });
}

/** Makes the consumer if it is missing; of one that is there only the subject is made right. */
export async function ensureConsumer(
  open: JetStream,
  stream: string,
  config: Partial<ConsumerConfig>,
): Promise<void> {
  const name = config.durable_name ?? '';
  const { consumers } = open.manager;
  const there = await found(consumers.info(stream, name), CONSUMER_NOT_FOUND);
  if (there === undefined) await consumers.add(stream, config);
  else if (there.config.filter_subject !== config.filter_subject)
    await consumers.update(stream, name, { ...there.config, filter_subject: config.filter_subject ?? '' });
}

/**
 * Makes a consumer that begins behind what is acked to another one, and deletes that; gives whether it was there. What was
 * handed out and is not acked would come to the old one when its time is over, behind what is new.
 */
export async function renewConsumer(
  { manager }: JetStream,
  stream: string,
  old: string,
  config: Partial<ConsumerConfig>,
): Promise<boolean> {
  const there = await found(manager.consumers.info(stream, old), CONSUMER_NOT_FOUND);
  if (there === undefined) return false;
  const { stream_seq: acked } = there.ack_floor;
  await manager.consumers.add(stream, {
    ...config,
    deliver_policy: 'by_start_sequence',
    opt_start_seq: acked + 1,
  });
  // One that stays expires by itself.
  await manager.consumers.delete(stream, old).catch(() => undefined);
  return true;
}

/** What is asked for, or `undefined` where the server says that there is none. */
async function found<T>(asked: Promise<T>, code: number): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === code) return undefined;
    throw error;
  }
}
