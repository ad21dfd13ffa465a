/**
 * Who of several is best for a key: each has a score for each key, and the highest wins (rendezvous hashing; Thaler and
 * Ravishankar, 1998). When one comes or goes, only the keys that it wins move.
 */
export function bestFor<T extends { readonly seed: number }>(
  key: string,
  candidates: Iterable<T>,
): T | undefined {
  const hash = hashOf(key);
  let best: T | undefined;
  let highest = -1;
  for (const candidate of candidates) {
    const score = mixed(hash ^ candidate.seed);
    if (score <= highest) continue;
    highest = score;
    best = candidate;
  }
  return best;
}

/** FNV-1a over UTF-16 units, 32 bits. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** The last step of MurmurHash3, after which each bit depends on all. */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
