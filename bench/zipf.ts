/** Draws 0 … count - 1 by Zipf's law: the first twice as often as the second, three times as often as the third, and so on. */
export function zipf(count: number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1);
    sums[rank] = sum;
  }
  return () => {
    const wanted = Math.random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? sum) <= wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
