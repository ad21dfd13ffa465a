import { EmbeddedPostgresError } from './embedded-postgres-error.js';

/** The system's error code (`ENOENT`, `EACCES`, …) of anything thrown. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What the file system's refusal means for somebody who chose the folder `root`; our own errors pass unchanged. */
export function explainFileError(root: string, error: unknown): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return notWritable(root, detail, error);
    case 'ENOSPC':
    case 'EDQUOT':
      return noSpace(root, detail, error);
    case 'ENOTDIR':
    case 'EEXIST':
      return new EmbeddedPostgresError(
        'NOT_A_DIRECTORY',
        `Cannot keep data in ${root} because a part of that path is a file: choose another --data folder`,
        { cause: error },
      );
    default:
      return new EmbeddedPostgresError(
        'START_FAILED',
        `Cannot use the data folder ${root} (${detail}): choose another --data folder, or set DATABASE_URL`,
        { cause: error },
      );
  }
}

/** The same for what `initdb` and `postgres` wrote on their last lines; undefined when it is not about the folder. */
export function explainServerWords(root: string, words: string): EmbeddedPostgresError | undefined {
  if (/No space left on device|Disk quota exceeded/.test(words)) return noSpace(root, words);
  if (/Permission denied|Read-only file system|Operation not permitted/.test(words)) {
    return notWritable(root, words);
  }
  return undefined;
}

function notWritable(root: string, detail: string, cause?: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'NOT_WRITABLE',
    `Cannot write to the data folder ${root} (${detail}): give this user write access, or choose another --data folder`,
    { cause },
  );
}

function noSpace(root: string, detail: string, cause?: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'NO_SPACE',
    `The disk below ${root} is full (${detail}): free at least 200 MB there, or choose another --data folder`,
    { cause },
  );
}
