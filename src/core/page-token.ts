import { InvalidRequestError } from './errors.js';

/**
 * Where a list goes on: the key of the last entry, and of what request it was, so that a token is not taken for that of
 * another list. It belongs to its namespace, which the token does not say: in another one the list just goes on behind that
 * key. Opaque to callers; not a secret, and not trusted.
 */
export function pageToken(request: readonly string[], last: readonly string[]): string {
  return encodeURIComponent(JSON.stringify([request, last]));
}

/** The key of the last entry of the page before. Throws `InvalidRequestError` for what was not made for this request. */
export function lastKeyOf(
  token: string | undefined,
  request: readonly string[],
  parts: number,
): readonly string[] | undefined {
  if (token === undefined || token === '') return undefined;
  const decoded = decode(token);
  if (!Array.isArray(decoded)) throw refusedToken();
  const [made, last] = decoded as unknown[];
  if (!isTexts(made) || !isTexts(last) || last.length !== parts) throw refusedToken();
  if (made.length !== request.length || made.some((part, index) => part !== request[index]))
    throw refused('is of another request: keep all else as it was');
  return last;
}

function decode(token: string): unknown {
  try {
    return JSON.parse(decodeURIComponent(token));
  } catch {
    // Whatever is wrong with it, it is not ours.
    return undefined;
  }
}

function isTexts(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.every((part) => typeof part === 'string' && part.isWellFormed() && !part.includes('\u0000'))
  );
}

/** For a token that was not made for this list. */
export function refusedToken(): InvalidRequestError {
  return refused('is not one that this service made');
}

function refused(description: string): InvalidRequestError {
  return new InvalidRequestError([{ field: 'page_token', description }]);
}
