/** What stood in the way of reading a git history; a caller branches on this and shows the message. */
export type GitHistoryErrorReason =
  | 'git_not_found'
  | 'not_a_repository'
  | 'no_commits'
  | 'unknown_revision'
  | 'partial_clone'
  | 'git_failed';

/** A git history that could not be read, in one sentence that is fit to be shown to whoever asked for it. */
export class GitHistoryError extends Error {
  override readonly name = 'GitHistoryError';
  readonly reason: GitHistoryErrorReason;
  /** The repository as the caller named it. */
  readonly repository: string;

  constructor(reason: GitHistoryErrorReason, repository: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.repository = repository;
  }
}
