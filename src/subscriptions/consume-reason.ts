const LONGEST = 1000;

/** Why something failed, in words for the log and for whoever looks at what is parked. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, LONGEST);
}
