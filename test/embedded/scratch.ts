import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach } from 'vitest';

const checkout = resolve(import.meta.dirname, '../..');
const made: string[] = [];
const stops: (() => Promise<unknown> | unknown)[] = [];

export const isRoot = process.getuid?.() === 0;

/** Something to stop before this test's folders are removed. */
export function afterThisTest<T extends () => Promise<unknown> | unknown>(stop: T): void {
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
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});
