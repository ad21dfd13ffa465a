/** Does something with each, so many at a time. */
export async function inTurns<T>(
  all: readonly T[],
  atOnce: number,
  one: (each: T) => Promise<void>,
): Promise<void> {
  const rest = all.values();
  const turn = async () => {
    for (const each of rest) await one(each);
  };
  await Promise.all(Array.from({ length: atOnce }, turn));
}
