import { totalmem } from 'node:os';

/** Settings that this module lives by: another value would open a port to a server that trusts everybody. */
const reserved: readonly string[] = [
  'data_directory',
  'listen_addresses',
  'port',
  'unix_socket_directories',
  'unix_socket_permissions',
];

/** The number in the socket's name; with no TCP it can clash with nothing. */
export const socketPort = 5432;

const MEBIBYTE = 1024 * 1024;

/**
 * How much of its tables the server keeps at hand: a quarter of the memory, as is usual, from 128 MB to 1 GB. The events of a
 * stream are scattered over the log, so of a log that is longer than this each costs a page from the system: a stream of 100
 * events out of 3 million takes the server 1.0 ms with 128 MB and 0.3 with 1 GB, as much as out of 100,000. More than 1 GB
 * would take a start a quarter of a second.
 *
 * @param memory in bytes; what this process may have by default
 */
export function sharedBuffers(memory = availableMemory()): string {
  return `${Math.min(1024, Math.max(128, Math.floor(memory / 4 / MEBIBYTE)))}MB`;
}

/** Of the machine, or of the container where that may have less. */
function availableMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(totalmem(), constrained) : totalmem();
}

/**
 * `-c` arguments for the server: ours for a small machine, then the caller's, then those that nobody may change.
 *
 * Nothing here touches durability: `fsync`, `full_page_writes` and `synchronous_commit` stay on as they come.
 */
export function serverArguments(sockets: string, settings: Readonly<Record<string, string>> = {}): string[] {
  const all = {
    cluster_name: 'headwater',
    max_connections: '100',
    shared_buffers: sharedBuffers(),
    // A statement whose client has gone ends within a second, and with it the locks that it holds.
    client_connection_check_interval: '1s',
    // Errors that a client is told anyway are not written down again: refusals are daily fare for an event store.
    log_min_messages: 'log',
    log_line_prefix: '%m [%p] ',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...settings,
    listen_addresses: '',
    port: String(socketPort),
    // Quoted, since the setting is a list and a folder's name may hold a comma.
    unix_socket_directories: `"${sockets.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
  };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Throws a TypeError for a setting that is not the caller's to choose. */
export function checkSettings(settings: Readonly<Record<string, string>> = {}): void {
  for (const name of Object.keys(settings)) {
    if (reserved.includes(name.toLowerCase().replaceAll('-', '_'))) {
      throw new TypeError(
        `The embedded Postgres chooses ${name} itself; use DATABASE_URL for a server of your own`,
      );
    }
  }
}
