import type { Row } from './row.js';

// How numbers are written, in tables and on the page alike.

export function amount(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function between([low, high]: readonly [number, number]): string {
  return `${low.toFixed(2)}–${high.toFixed(2)}`;
}

export function targetOf({ target, direction }: Pick<Row, 'target' | 'direction'>): string {
  return target === undefined ? '' : `${direction === 'AT_MOST' ? '≤' : '≥'} ${target}`;
}

/** Whether the row reaches its target; undefined where it has none. */
export function reaches({
  target,
  direction,
  ratio,
}: Pick<Row, 'target' | 'direction' | 'ratio'>): boolean | undefined {
  if (target === undefined) return undefined;
  return direction === 'AT_MOST' ? ratio <= target : ratio >= target;
}
