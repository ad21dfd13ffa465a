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

export async function hasConsumer({ manager }: JetStream, stream: string, name: string): Promise<boolean> {
  return (await found(manager.consumers.info(stream, name), CONSUMER_NOT_FOUND)) !== undefined;
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
