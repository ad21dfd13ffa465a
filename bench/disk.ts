import { statfs } from 'node:fs/promises';
import type { Stage } from './stage.js';

/**
 * Throws if the server's disk has no room for a log of so many events, by what the events of another one take, and the
 * write-ahead log twice. Of a server on another machine, or whose folder it may not know, nothing is asked.
 */
export async function requireDisk(
  { postgres }: Stage,
  { like, events, wanted }: { readonly like: string; readonly events: number; readonly wanted: number },
): Promise<void> {
  const client = await postgres.connect();
  try {
    const { rows } = await client.query<{ folder: string; bytes: string; wal: string }>(
      `SELECT current_setting('data_directory') AS folder,
              (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
                WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r') AS bytes,
              pg_size_bytes(current_setting('max_wal_size')) AS wal`,
      [`"${like}"`],
    );
    const [{ folder, bytes, wal } = { folder: '', bytes: '0', wal: '0' }] = rows;
    const needed = (Number(bytes) / events) * wanted + 2 * Number(wal);
    const disk = await statfs(folder).catch(() => undefined);
    if (disk === undefined) return;
    const free = disk.bavail * disk.bsize;
    if (free < needed)
      throw new Error(
        `A log of ${wanted.toLocaleString('en')} events needs ${gibibytes(needed)} in ${folder}, where ${gibibytes(free)} are free: ` +
          'ask for fewer by --growth-events',
      );
  } finally {
    await client.end();
  }
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
