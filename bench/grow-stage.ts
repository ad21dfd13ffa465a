import { growLog, headOf } from './grow-log.js';
import { settle } from './settle.js';
import type { Stage } from './stage.js';

const grown = new WeakSet<Stage>();

/** Lets the stage's log grow by so many events, once a run, and does at once what the server would do about that later. */
export async function growStage(stage: Stage, events: number): Promise<void> {
  if (grown.has(stage)) return;
  grown.add(stage);
  const client = await stage.postgres.connect();
  try {
    await growLog(client, stage.schema, (await headOf(client, stage.schema)) + events);
  } finally {
    await client.end();
  }
  await settle(stage);
}
