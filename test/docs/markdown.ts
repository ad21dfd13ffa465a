/** The lines of a Markdown text that are rows of tables, their heads included. */
export function rowsOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.startsWith('|'));
}

/** The cells of a row, trimmed. A `\|` is text. */
export function cellsOf(row: string): readonly string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** What stands in backticks. */
export function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '');
}

/** The fenced blocks of a language, with what else stands behind it on the fence. */
export function blocksOf(
  text: string,
  language: string,
): readonly { info: string; code: string; line: number }[] {
  return [...text.matchAll(/^```(\w+)[ \t]*(.*)\n([\s\S]*?)^```$/gm)]
    .filter(([, of]) => of === language)
    .map((found) => ({
      info: found[2] ?? '',
      code: found[3] ?? '',
      line: text.slice(0, found.index).split('\n').length,
    }));
}
