import type { WrongExpectedVersionError } from '../core/errors.js';

/**
 * The import of a repository was stopped since someone else appends to its streams. What was appended stays; another
 * import goes on from there.
 */
export class ForeignWriterError extends Error {
  override readonly name = 'ForeignWriterError';
  /** The commit that was refused. */
  readonly commit: string;
  /** The refusal with the stream and its versions; `undefined` if the commit was found appended in another way. */
  readonly refusal: WrongExpectedVersionError | undefined;

  constructor(commit: string, refusal: WrongExpectedVersionError | undefined) {
    const why = refusal === undefined ? 'it is in the log otherwise than was predicted' : refusal.message;
    super(
      `Commit ${commit.slice(0, 12)} was not appended: ${why}; someone else writes to the streams of this ` +
        'repository. Import again, once they are done, to go on from here',
      { cause: refusal },
    );
    this.commit = commit;
    this.refusal = refusal;
  }
}
