import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/index.js';

const checkout = resolve(import.meta.dirname, '../..');
const made: string[] = [];
const stops: (() => unknown)[] = [];

export const isRoot = process.getuid?.() === 0;

/** Something to stop before this test's folders are removed. */
export function afterThisTest(stop: () => unknown): void {
  stops.push(stop);
}

/** A new folder in the checkout's ignored one, open to all users and removed after the test. */
export async function scratch(): Promise<string> {
  const parent = join(checkout, '.headwater-test');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'embedded-'));
  await chmod(folder, 0o755);
  made.push(folder);
  return folder;
}

/**
 * A data folder with a database in it, handed on from test to test under changing paths: to copy a database takes as
 * long as to make one. What earlier tests left in it must not matter, so tables are named after their test.
 */
export async function preparedFolder(path?: string): Promise<string> {
  const target = path ?? join(await scratch(), 'data');
  if (spare === undefined) {
    const postgres = await startEmbeddedPostgres({ dataDirectory: target });
    await postgres.stop();
  } else {
    await rename(spare, target);
    spare = undefined;
  }
  lent = target;
  return target;
}

let spare: string | undefined;
let lent: string | undefined;

async function takeBack(): Promise<void> {
  if (lent === undefined) return;
  const keep = join(checkout, '.headwater-test', `embedded-spare-${process.pid}`);
  await rename(lent, keep);
  spare = keep;
  lent = undefined;
}

afterAll(async () => {
  if (spare !== undefined) await rm(spare, { recursive: true, force: true });
  spare = undefined;
});

/** Waits until `check` holds, and says what was waited for when it does not. */
export async function until(what: string, check: () => boolean, withinMs = 10_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!check()) {
    if (Date.now() > end) throw new Error(`Waited in vain until ${what}`);
    await new Promise((go) => setTimeout(go, 10));
  }
}

export function serverStopped(dataDirectory: string): boolean {
  return !existsSync(join(dataDirectory, 'postgres', 'postmaster.pid'));
}

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await takeBack();
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});
