const began = performance.now();

/** Seconds since the run began. */
export function secondsSoFar(): number {
  return (performance.now() - began) / 1000;
}

/** Tells whoever watches, on stderr, what is going on. */
export function progress(text: string): void {
  process.stderr.write(`${secondsSoFar().toFixed(1).padStart(6)} s  ${text}\n`);
}
