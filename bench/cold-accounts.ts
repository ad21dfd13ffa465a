import type { Connection } from '../src/client/connect.js';
import type { NewEvent } from '../src/core/event.js';
import { systemRuntime } from '../src/system.js';
import { type Movement, snapshotOf } from './command-domain.js';
import { BATCHES_IN_FLIGHT } from './fill-log.js';
import { nextPayload } from './workload.js';

export const COLD_EVENTS = 100;

/** Makes accounts of a hundred events that nobody has read, with a snapshot of the last one or without; gives their ids. */
export async function makeColdAccounts(
  { eventStore }: Pick<Connection, 'eventStore'>,
  { aggregateType, count, snapshots }: { aggregateType: string; count: number; snapshots: boolean },
): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, () => systemRuntime.newEventId());
  const missing = [...ids];
  const fill = async () => {
    for (let aggregateId = missing.pop(); aggregateId !== undefined; aggregateId = missing.pop()) {
      const stream = { aggregateType, aggregateId };
      let balance = 0;
      const events = Array.from({ length: COLD_EVENTS }, (): NewEvent => {
        const { contentType, data, eventType, metadata } = nextPayload();
        const { amount } = JSON.parse(data.toString()) as Movement;
        balance += eventType === 'MoneyDeposited' ? amount : -amount;
        return { eventId: systemRuntime.newEventId(), eventType, data, contentType, metadata };
      });
      await eventStore.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events }] });
      if (snapshots) await eventStore.saveSnapshot(stream, snapshotOf({ balance }, BigInt(COLD_EVENTS)));
    }
  };
  await Promise.all(Array.from({ length: BATCHES_IN_FLIGHT }, fill));
  return ids;
}
