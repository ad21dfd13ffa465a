/** Where a value stands on an axis, and which values are written there. */
export interface Scale {
  (value: number): number;
  readonly ticks: readonly number[];
}

export interface ScaleOptions {
  readonly values: readonly [least: number, most: number];
  readonly pixels: readonly [from: number, to: number];
}

export function linearScale({ values: [least, most], pixels: [from, to] }: ScaleOptions): Scale {
  const step = niceStep((most - least) / 5);
  const ticks: number[] = [];
  for (let index = Math.ceil(least / step - 1e-9); index * step <= most * (1 + 1e-9); index++)
    ticks.push(Number((index * step).toPrecision(12)));
  return Object.assign((value: number) => from + ((value - least) / (most - least)) * (to - from), { ticks });
}

/** Ticks are powers of ten, with twos and fives between them where there are few. */
export function logarithmicScale({ values: [least, most], pixels: [from, to] }: ScaleOptions): Scale {
  const [low, high] = [Math.log10(least), Math.log10(most)];
  const between = high - low < 2.2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let exponent = Math.floor(low); exponent <= Math.ceil(high); exponent++)
    for (const digit of between) {
      const tick = Number((digit * 10 ** exponent).toPrecision(3));
      if (tick >= least * 0.999 && tick <= most * 1.001) ticks.push(tick);
    }
  return Object.assign((value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from), {
    ticks,
  });
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const digit = [1, 2, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10;
  return digit * power;
}

/** Short enough for an axis: 20, 1.5k, 10M. */
export function short(value: number): string {
  for (const [unit, letter] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const)
    if (value >= unit) return `${Number((value / unit).toPrecision(3))}${letter}`;
  return String(Number(value.toPrecision(3)));
}
