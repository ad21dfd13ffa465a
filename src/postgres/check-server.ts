import type { Session } from './database.js';
import { type Durability, quorumProblem } from './durability.js';

/** The database cannot be used; the message says why and what to do. */
export class UnsuitableDatabaseError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UnsuitableDatabaseError';
  }
}

const SETTINGS = `
  SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
         current_setting('server_encoding'), pg_is_in_recovery(), current_setting('default_transaction_isolation'),
         current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
         current_database()`;

/** Refuses a server on which the guarantees would not hold; returns its version, for example "15.18". */
export async function checkServer(session: Session, durability: Durability = 'local'): Promise<string> {
  const [row] = await session.query(SETTINGS);
  if (row === undefined) throw new UnsuitableDatabaseError('The database does not tell its settings');
  const [number, version, encoding, recovering, isolation, fsync, fullPageWrites, commit, database] = row;
  if (Number(number) < 150000)
    throw new UnsuitableDatabaseError(
      `The server is Postgres ${version}: Headwater needs 15 or newer; upgrade it, or point DATABASE_URL at another`,
    );
  if (encoding !== 'UTF8')
    throw new UnsuitableDatabaseError(
      `Database ${database} has the encoding ${encoding}: Headwater needs UTF8; create one with ENCODING 'UTF8'`,
    );
  if (recovering === 't')
    throw new UnsuitableDatabaseError(
      'The server is a standby, which cannot be written to: point DATABASE_URL at the primary',
    );
  if (isolation !== 'read committed')
    throw new UnsuitableDatabaseError(
      `default_transaction_isolation is "${isolation}": appends need "read committed"; ` +
        `set it for the role of DATABASE_URL with ALTER ROLE … SET default_transaction_isolation = 'read committed'`,
    );
  for (const [name, value] of [
    ['fsync', fsync],
    ['full_page_writes', fullPageWrites],
    ['synchronous_commit', commit],
  ])
    if (value === 'off')
      throw new UnsuitableDatabaseError(
        `${name} is off: what is acknowledged could be lost in a crash; turn it on in the server's configuration`,
      );
  if (durability === 'quorum') {
    const problem = await quorumProblem((text) => session.query(text));
    if (problem !== undefined) throw new UnsuitableDatabaseError(problem);
  }
  return version ?? '';
}
