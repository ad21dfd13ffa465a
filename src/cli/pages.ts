const PAGE = 1000;

/**
 * The pages of a list one after the other, so that only one is held; at most `limit` entries in all.
 *
 * @param page asks for a page behind the token, of so many entries
 */
export async function* pagesOf<T>(
  page: (request: {
    readonly pageSize: number;
    readonly pageToken?: string;
  }) => Promise<{ readonly entries: readonly T[]; readonly nextPageToken: string | undefined }>,
  limit?: bigint,
): AsyncGenerator<readonly T[], void, undefined> {
  let left = limit;
  let pageToken: string | undefined;
  do {
    const pageSize = left !== undefined && left < BigInt(PAGE) ? Number(left) : PAGE;
    const { entries, nextPageToken } = await page({
      pageSize,
      ...(pageToken === undefined ? {} : { pageToken }),
    });
    yield entries;
    if (left !== undefined) left -= BigInt(entries.length);
    pageToken = nextPageToken;
  } while (pageToken !== undefined && (left === undefined || left > 0n));
}
