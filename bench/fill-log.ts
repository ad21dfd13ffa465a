import { connect } from '../src/client/connect.js';
import type { Stage } from './stage.js';
import { walks } from './workload.js';

/** As many events as one append of the batches row has. */
export const BATCH_EVENTS = 500;
export const BATCHES_IN_FLIGHT = 4;

/** Appends batches until the log has so many events. */
export async function fillLog(stage: Stage, events: number): Promise<void> {
  const client = await stage.postgres.connect();
  const { rows } = await client.query<{ position: string }>(
    `SELECT position FROM "${stage.schema}".log_head`,
  );
  await client.end();
  let missing = events - Number(rows[0]?.position ?? 0);
  const connection = connect({ address: stage.service.address });
  try {
    await Promise.all(
      walks(BATCHES_IN_FLIGHT).map(async (walk) => {
        while (missing > 0) {
          missing -= BATCH_EVENTS;
          await connection.eventStore.append(walk.request(BATCH_EVENTS));
        }
      }),
    );
  } finally {
    connection.close();
  }
}
