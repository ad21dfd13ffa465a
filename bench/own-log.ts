import { tmpdir } from 'node:os';
import type { Client } from 'pg';
import { type Child, startChild } from './child.js';
import { growLog, headOf } from './grow-log.js';
import type { Options } from './options.js';
import type { Stage } from './stage.js';

/** A log beside the stage's, with a service of its own. */
export interface OwnLog {
  readonly schema: string;
  readonly service: Child;
  /** How many it has: as many as asked for, or more where it was kept. */
  readonly events: number;
  /** Ends the service, and drops what was made unless it is to be kept. */
  close(): Promise<void>;
}

export interface OwnLogOptions {
  readonly schema: string;
  /** How many events it has at least, when it is given. */
  readonly events: number;
  /** Leave the schema where it is. */
  readonly keep?: boolean;
  readonly onProgress?: (head: number) => void;
}

/** Opens the log, makes it where it is missing, and grows it. */
export async function openOwnLog(
  { postgres }: Stage,
  { cpuProfiles }: Options,
  { schema, events, keep = false, onProgress }: OwnLogOptions,
): Promise<OwnLog> {
  const service = await startChild('./service-process.js', {
    input: { databaseUrl: postgres.url, schema },
    cwd: tmpdir(),
    nodeArguments: cpuProfiles ? ['--cpu-prof', `--cpu-prof-dir=${cpuProfiles}`] : [],
  });
  const client = await postgres.connect();
  const close = async () => {
    await service.stop();
    if (!keep) await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await client.end();
  };
  try {
    await growLog(client, schema, events, onProgress);
    // As autovacuum would have done meanwhile.
    for (const table of ['events', 'event_tags', 'streams', 'log_head'])
      await client.query(`VACUUM (ANALYZE) "${schema}".${table}`);
    await readThrough(client, schema);
    return { schema, service, events: await headOf(client, schema), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Reads the events once, and the index by which streams are read: a log that has just been made is in the system's memory as far as
 * that goes, and one that was kept is to be so too. From a disk the events of one stream come page by page, and what is
 * measured then is the disk.
 */
async function readThrough(client: Client, schema: string): Promise<void> {
  await client.query(`SELECT count(data) FROM "${schema}".events`);
  await client.query(
    `SELECT count(*) FROM (SELECT version FROM "${schema}".events ORDER BY aggregate_type, aggregate_id, version OFFSET 0) e`,
  );
}
