import type { Options, RowId } from './options.js';
import type { Measurement } from './row.js';

/**
 * What of all is to be measured. Rows about other stores only when they are asked for, by name or by `--peers`: what they need
 * is installed from elsewhere, and takes minutes more.
 */
export function selected(
  all: readonly Measurement[],
  { all: withLong, only, quick: onlyQuick, withPeers }: Pick<Options, 'all' | 'only' | 'quick' | 'withPeers'>,
): readonly Measurement[] {
  const peersByName = only?.some(isAboutPeers) ?? false;
  return all.filter(({ id, long, quick }) => {
    if (only?.includes(id)) return true;
    if (isAboutPeers(id)) return withPeers && !peersByName;
    if (only) return false;
    return withLong || (onlyQuick ? (quick ?? false) : !long);
  });
}

export function isAboutPeers(id: RowId): boolean {
  return id.startsWith('peer-');
}
