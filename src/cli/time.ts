import type { Microseconds } from '../core/event.js';
import { UsageError } from './exit-codes.js';

/** As `2026-01-31T09:30:00.123456Z`. */
export function isoTime(time: Microseconds): string {
  const micros = ((time % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((time - micros) / 1000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(micros).padStart(6, '0')}Z`;
}

/** As `2026-01-31 09:30:00.123`, for people. */
export function shortTime(time: Microseconds): string {
  return isoTime(time).slice(0, 23).replace('T', ' ');
}

const UNITS: Record<string, bigint> = { s: 1n, m: 60n, h: 3600n, d: 86_400n };

/** An ISO 8601 time with up to six digits of a second, or how long ago: `90s`, `15m`, `2h`, `7d`. Throws `UsageError`. */
export function timeFrom(value: string, now: Microseconds): Microseconds {
  const ago = /^(\d{1,9})([smhd])$/.exec(value);
  if (ago) return now - BigInt(ago[1] ?? 0) * (UNITS[ago[2] ?? 's'] ?? 1n) * 1_000_000n;
  const digits = /[T ]\d\d:\d\d:\d\d\.(\d+)/.exec(value)?.[1] ?? '';
  const milliseconds = Date.parse(value);
  if (Number.isNaN(milliseconds) || digits.length > 6)
    throw new UsageError(
      `${JSON.stringify(value)} is no time: write 2026-01-31T09:30:00Z, or how long ago, as 15m, 2h, 7d`,
    );
  return BigInt(milliseconds) * 1000n + BigInt(digits.padEnd(6, '0').slice(3, 6) || '0');
}
