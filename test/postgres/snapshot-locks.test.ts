import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { appendTo, newEvent, thing } from '../../src/testing/builders.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

/** Runs `work` while a snapshot of the stream is saved and not yet committed, as where a disk is slow. */
async function whileSaved(id: string, work: () => Promise<void>): Promise<void> {
  await test.store.append(appendTo(thing(id), newEvent()));
  await test.database.withSession(async (session) => {
    await session.query('BEGIN');
    const [saved] = await session.query(
      `SELECT verdict FROM "${test.schema}".save_snapshot('Thing', $1, 1, '\\x00', 'application/json', 1)`,
      [id],
    );
    expect(saved).toEqual(['A']);
    await work();
    await session.query('COMMIT');
  });
}

it('an append to the stream does not wait for the commit of its snapshot', async () => {
  const id = randomUUID();
  await whileSaved(id, async () => {
    const { versions } = await test.store.append(appendTo(thing(id), newEvent()));
    expect(versions[0]?.version).toBe(2n);
  });
});

it('an erasure of the stream does, and the snapshot is gone with it', async () => {
  const id = randomUUID();
  const stream = thing(id);
  const done: string[] = [];
  let erased: Promise<unknown> = Promise.resolve();
  await whileSaved(id, async () => {
    erased = test.store.eraseStream({ stream, expectedVersion: 'ANY' }).then(() => done.push('erased'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    done.push('saved');
  });
  await erased;
  expect(done).toEqual(['saved', 'erased']);
  const rows = await test.database.query(
    'read',
    `SELECT count(*) FROM "${test.schema}".snapshots WHERE aggregate_id = $1`,
    [id],
  );
  expect(rows).toEqual([['0']]);
});
