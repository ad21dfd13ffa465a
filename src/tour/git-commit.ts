/**
 * One commit as git records it.
 *
 * A commit is the unit of memory: `changes` holds every file that the commit touched, 50,000 of them for a
 * commit that touches 50,000. A merge has no changes of its own (see `readGitHistory`), nor has an empty
 * commit.
 */
export interface GitCommit {
  /** 40 hex digits, or 64 in a repository that uses SHA-256. */
  readonly hash: string;
  /** None for a root, one for most, two or more for a merge; at the edge of a shallow clone, none. */
  readonly parents: readonly string[];
  readonly author: GitAuthor;
  /**
   * Between 1970-01-01 and 9999-12-31T23:59:59Z, as git keeps no other time that it can read back: a later
   * one is clamped, and for one that is no number the commit's other date stands in, or 1970-01-01 if that is
   * none either.
   */
  readonly authoredAt: Date;
  /** As `authoredAt`; in a history that was rebased, the later of the two. */
  readonly committedAt: Date;
  /**
   * The first paragraph of the message on one line, at most 1,000 UTF-16 code units. Bytes that are no UTF-8
   * become U+FFFD, control characters become a space; may be empty.
   */
  readonly subject: string;
  /** In git's order, which is that of the paths' bytes. */
  readonly changes: readonly GitChange[];
}

/**
 * Who wrote a commit, as recorded (no mailmap); cleaned as the subject is, 256 code units each, may be empty.
 */
export interface GitAuthor {
  readonly name: string;
  readonly email: string;
}

/**
 * What a commit did to one file. A mode or a type that changed (file, symbolic link, submodule) is `changed`;
 * a submodule's new commit is one line removed and one added, as git counts it. Copies are `created`.
 */
export type GitChange = GitFileChange | GitRename;

export interface GitFileChange extends GitLineCounts {
  readonly kind: 'created' | 'changed' | 'deleted';
  /** From the top of the repository, escaped by `escapePath`; not limited in length. */
  readonly path: string;
}

/** A file that moved, and may have been edited by up to half on the way. */
export interface GitRename extends GitLineCounts {
  readonly kind: 'renamed';
  readonly from: string;
  readonly path: string;
}

interface GitLineCounts {
  /** `undefined` for a binary file. */
  readonly linesAdded: number | undefined;
  readonly linesRemoved: number | undefined;
  readonly binary: boolean;
}
