import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/embedded/index.js';
import type { DatabaseOptions } from '../../src/postgres/database.js';

declare module 'vitest' {
  export interface ProvidedContext {
    connection: DatabaseOptions['connection'];
  }
}

/** One real Postgres for the whole run: DATABASE_URL, or an embedded one that is thrown away. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const url = process.env['DATABASE_URL'];
  if (url) {
    project.provide('connection', { connectionString: url });
    return async () => undefined;
  }
  const scratch = path.resolve(import.meta.dirname, '../../.headwater-test');
  await mkdir(scratch, { recursive: true });
  const dataDirectory = await mkdtemp(path.join(scratch, 'run-'));
  // Logs are emptied all the time, which takes the longer the more the server keeps at hand.
  const postgres = await startEmbeddedPostgres({ dataDirectory, settings: { shared_buffers: '128MB' } });
  project.provide('connection', postgres.connection);
  return async () => {
    await postgres.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  };
}
