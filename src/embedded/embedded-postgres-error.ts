/**
 * Why a Postgres of one's own could not be had; each calls for something else to be done.
 *
 * - `IN_USE`: another process works in the folder; its id is in the message.
 * - `NOT_WRITABLE`, `NOT_A_DIRECTORY`, `NO_SPACE`: the folder cannot hold the data.
 * - `NOT_EMPTY`, `VERSION_MISMATCH`: the folder holds something that is not ours to change.
 * - `NOT_SUPPORTED`: this machine cannot run the packaged Postgres; `DATABASE_URL` is the way out.
 * - `INITDB_FAILED`, `START_FAILED`, `START_TIMED_OUT`: Postgres itself gave up; the message ends with its words.
 */
export type EmbeddedPostgresReason =
  | 'IN_USE'
  | 'NOT_WRITABLE'
  | 'NOT_A_DIRECTORY'
  | 'NO_SPACE'
  | 'NOT_EMPTY'
  | 'VERSION_MISMATCH'
  | 'NOT_SUPPORTED'
  | 'INITDB_FAILED'
  | 'START_FAILED'
  | 'START_TIMED_OUT';

/** A refusal to start, in one sentence that says what to do about it. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
  readonly reason: EmbeddedPostgresReason;

  constructor(reason: EmbeddedPostgresReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
