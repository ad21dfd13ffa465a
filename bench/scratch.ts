import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

/** A folder of the run's own beside the checkout's other throw-away data, on the same disk. */
export async function makeScratch(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const parent = path.resolve(import.meta.dirname, '../../.headwater-test');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(path.join(parent, 'bench-'));
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
