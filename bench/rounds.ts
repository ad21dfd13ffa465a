/** What takes turns: ours, or a floor. Answers a rate or a time. */
export type Turn = () => Promise<number>;

/**
 * Lets all take turns, round by round, so that whatever else the machine does in a while hits all alike. One round more
 * than asked for: the first warms up and is thrown away. The answer has a number per turn of each round.
 */
export async function takeTurns(rounds: number, turns: readonly Turn[]): Promise<readonly number[][]> {
  const results: number[][] = [];
  for (let round = 0; round <= rounds; round++) {
    const row: number[] = [];
    for (const turn of turns) row.push(await turn());
    if (round > 0) results.push(row);
  }
  return results;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
