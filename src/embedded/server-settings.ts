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

/**
 * `-c` arguments for the server: ours for a small machine, then the caller's, then those that nobody may change.
 *
 * Nothing here touches durability: `fsync`, `full_page_writes` and `synchronous_commit` stay on as they come.
 */
export function serverArguments(sockets: string, settings: Readonly<Record<string, string>> = {}): string[] {
  const all = {
    cluster_name: 'headwater',
    max_connections: '100',
    shared_buffers: '128MB',
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
