import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

/** A user that Postgres can run as. */
export interface RunUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Which user the server is to run as; undefined means as this process itself.
 *
 * Postgres refuses to run as root, so root needs somebody else: whoever owns the data already, else `postgres`, else
 * `nobody`, else the first user there is. `owners` are the owners of what exists, the closest to the data first.
 */
export function chooseRunUser(
  ownUid: number | undefined,
  owners: readonly (number | undefined)[],
  passwd: string,
): RunUser | undefined {
  if (ownUid !== 0) return undefined;
  const users = parsePasswd(passwd).filter((user) => user.uid !== 0);
  const owner = owners.flatMap((uid) => users.filter((user) => user.uid === uid))[0];
  const chosen =
    owner ??
    users.find((user) => user.name === 'postgres') ??
    users.find((user) => user.name === 'nobody') ??
    users[0];
  if (chosen === undefined) {
    throw new EmbeddedPostgresError(
      'NOT_SUPPORTED',
      'Postgres does not run as root and /etc/passwd names no other user: start as another user, or set DATABASE_URL',
    );
  }
  return chosen;
}

/** The system's users; empty where there is no such file, since it is asked only as root. */
export function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return ''; // chooseRunUser then says what to do
  }
}

/** `initdb` insists on a name for the user it runs as; some container platforms hand out numbers that have none. */
export function requireUserName(): void {
  try {
    userInfo();
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'NOT_SUPPORTED',
      `Postgres needs a user with a name, and /etc/passwd has none for user ${process.getuid?.() ?? 'id'}: add an entry, start as another user, or set DATABASE_URL`,
      { cause },
    );
  }
}

function parsePasswd(passwd: string): readonly RunUser[] {
  return passwd.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    if (name === undefined || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return [];
    return [{ name, uid: Number(uid), gid: Number(gid) }];
  });
}
