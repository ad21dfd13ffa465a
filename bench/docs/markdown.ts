/** A table of Markdown; cells of columns of numbers stand to the right. */
export function tableOf(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: ReadonlySet<string> = new Set(),
): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(head),
    `|${head.map((name) => (numbers.has(name) ? '---:' : '---')).join('|')}|`,
    ...rows.map(line),
  ].join('\n');
}

/** Replaces `{{name}}` by the text of that name; what is empty takes its blank line along. Throws for names that are missing. */
export function fillIn(template: string, texts: Readonly<Record<string, string>>): string {
  const text = template.replaceAll(/\{\{([a-z-]+)\}\}/g, (_, name: string) => {
    const found = texts[name];
    if (found === undefined) throw new Error(`The template asks for ${name}, which there is not`);
    return found;
  });
  return text.replaceAll(/\n{3,}/g, '\n\n');
}
