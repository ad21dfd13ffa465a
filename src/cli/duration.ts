import { UsageError } from './exit-codes.js';

const SECOND = 1_000_000n;
const UNITS: readonly (readonly [unit: string, microseconds: bigint])[] = [
  ['y', 365n * 86_400n * SECOND],
  ['w', 7n * 86_400n * SECOND],
  ['d', 86_400n * SECOND],
  ['h', 3600n * SECOND],
  ['m', 60n * SECOND],
  ['s', SECOND],
];

const MOST = 1000n * 365n * 86_400n * SECOND;

/**
 * Microseconds of `90s`, `30m`, `12h`, `30d`, `2w` or `1y` (365 days), up to a thousand years. Throws `UsageError` that
 * names the flag.
 */
export function durationFrom(value: string, flag: string): bigint {
  const [, count = '', unit] = /^(\d+)([a-z])$/.exec(value) ?? [];
  const microseconds = UNITS.find(([name]) => name === unit)?.[1];
  if (microseconds === undefined)
    throw new UsageError(
      `${flag} ${JSON.stringify(value)} is no duration: write 90s, 30m, 12h, 30d, 2w or 1y`,
    );
  const duration = BigInt(count) * microseconds;
  if (duration > MOST)
    throw new UsageError(
      `${flag} ${JSON.stringify(value)} is too long: the limit is a thousand years, 1000y`,
    );
  return duration;
}

/** As people write it: `30d`, `1d 12h`, and what is below a second as a fraction of one. */
export function describeDuration(microseconds: bigint): string {
  const parts: string[] = [];
  let left = microseconds;
  for (const [unit, size] of UNITS) {
    if (unit === 'w') continue;
    const count = left / size;
    left %= size;
    if (unit === 's' && left > 0n) {
      parts.push(`${count}.${String(left).padStart(6, '0').replace(/0+$/, '')}s`);
      left = 0n;
    } else if (count > 0n) parts.push(`${count}${unit}`);
  }
  return parts.join(' ') || '0s';
}
