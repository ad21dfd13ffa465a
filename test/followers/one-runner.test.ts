import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { LeaseLostError } from '../../src/core/follower-errors.js';
import type { ProjectionLease } from '../../src/core/projections.js';
import { seededRandom } from '../../src/testing/index.js';
import { openDatabase, openTestStore, type TestStore } from '../support/test-database.js';
import { projectionsOn } from '../postgres/projections/projections-on.js';

const LEASE_MS = 150;
const RUNNERS = 8;
const FIGHT_MS = 2500;
const name = 'fought over';

/** Has the database write down each change of the lease and of the position, when it is made and under its lock. */
async function writeDown({ database, schema }: TestStore): Promise<void> {
  await database.withSession(async (session) => {
    await session.query(`SET search_path = "${schema}"`);
    await session.query(`
      CREATE TABLE written_down (
        number bigint GENERATED ALWAYS AS IDENTITY, at timestamptz, old_fence bigint, new_fence bigint,
        old_until timestamptz, moved boolean)`);
    await session.query(`
      CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = "${schema}" AS $$
      BEGIN
        INSERT INTO written_down (at, old_fence, new_fence, old_until, moved)
          VALUES (clock_timestamp(), OLD.fence, NEW.fence, OLD.leased_until, OLD.position <> NEW.position);
        RETURN NULL;
      END $$`);
    await session.query(
      'CREATE TRIGGER write_down AFTER UPDATE ON projection_generations FOR EACH ROW EXECUTE FUNCTION write_down()',
    );
  });
}

it('of eight runners that stall at random never two have a lease that lasts, and none that had to give way can save', async () => {
  const test = await openTestStore();
  const databases = Array.from({ length: RUNNERS }, () => openDatabase());
  onTestFinished(async () => {
    await Promise.all(databases.map((one) => one.close()));
    await test.close();
  });
  await writeDown(test);
  /** How often was saved under each fence, as the runners know. */
  const saved = new Map<bigint, number>();
  let lost = 0;
  const began = performance.now();

  await Promise.all(
    databases.map(async (database, index) => {
      const random = seededRandom(index);
      const projections = projectionsOn({ ...test, database }, LEASE_MS);
      let lease: ProjectionLease | undefined;
      let position = 0n;
      while (performance.now() - began < FIGHT_MS) {
        await sleep(random() < 0.15 ? LEASE_MS * (1 + random()) : random() * 20);
        if (lease === undefined) {
          const { leases } = await projections.acquire({
            name,
            kind: 'STATE',
            definitionVersion: 1,
            runner: `runner ${index}`,
            runnerId: `runner ${index}`,
          });
          [lease] = leases;
          position = lease?.position.position ?? 0n;
          continue;
        }
        try {
          position += 1n;
          await projections.save(lease, { position: { position } });
          saved.set(lease.fence, (saved.get(lease.fence) ?? 0) + 1);
          if (random() > 0.1) continue;
          await projections.release(lease);
          lease = undefined;
        } catch (error) {
          if (!(error instanceof LeaseLostError)) throw error;
          lost += 1;
          lease = undefined;
        }
      }
    }),
  );

  const changes = await test.database.query(
    'read',
    `SELECT old_fence, new_fence, old_until > at, moved FROM "${test.schema}".written_down ORDER BY number`,
    [],
  );
  const moved = new Map<bigint, number>();
  let hands = 0;
  for (const [oldFence, newFence, oldLasts, hasMoved] of changes) {
    const [before, behind] = [BigInt(oldFence ?? 0), BigInt(newFence ?? 0)];
    expect(behind).toBeGreaterThanOrEqual(before);
    if (behind > before) {
      hands += 1;
      expect(oldLasts).not.toBe('t');
      expect(hasMoved).toBe('f');
    }
    if (hasMoved === 't') moved.set(behind, (moved.get(behind) ?? 0) + 1);
  }
  expect(hands).toBeGreaterThan(RUNNERS);
  expect(lost).toBeGreaterThan(0);
  // What was saved was saved by who had the lease then, and nothing else was.
  expect(moved).toEqual(saved);
}, 60_000);
