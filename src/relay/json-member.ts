/**
 * The text of a member of a JSON object, as it stands there, or `undefined`. Parsing a payload and writing it again would
 * change its bytes: numbers of many digits, order, escapes. `text` must be a valid JSON object.
 */
export function jsonMember(text: string, name: string): string | undefined {
  let found: string | undefined;
  let index = text.indexOf('{') + 1;
  while (index > 0 && index < text.length) {
    index = skip(text, index, /[\s,]/);
    if (text[index] !== '"') return found;
    const keyEnd = endOfString(text, index);
    const key: unknown = JSON.parse(text.slice(index, keyEnd));
    const begin = skip(text, keyEnd, /\s/) + 1;
    const end = endOfValue(text, begin);
    // As with JSON.parse, the last one of a name counts.
    if (key === name) found = text.slice(begin, end);
    index = end;
  }
  return found;
}

function skip(text: string, from: number, what: RegExp): number {
  let index = from;
  while (index < text.length && what.test(text[index] ?? '')) index += 1;
  return index;
}

/** Behind the closing quote. */
function endOfString(text: string, from: number): number {
  let index = from + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return index + 1;
}

/** At the comma or brace behind the value. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  let index = from;
  while (index < text.length) {
    const character = text[index];
    if (character === '"') {
      index = endOfString(text, index);
      continue;
    }
    if (depth === 0 && (character === ',' || character === '}')) return index;
    if (character === '{' || character === '[') depth += 1;
    if (character === '}' || character === ']') depth -= 1;
    index += 1;
  }
  return index;
}
