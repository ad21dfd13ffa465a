/** What a value takes in memory, about. */
export function stateBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return 16 + value.length * 2;
    case 'object':
      break;
    default:
      return 8;
  }
  if (value === null) return 8;
  if (ArrayBuffer.isView(value)) return 64 + value.byteLength;
  let bytes = 32;
  if (value instanceof Map) for (const [key, one] of value) bytes += stateBytes(key) + stateBytes(one);
  else if (Array.isArray(value) || value instanceof Set) for (const one of value) bytes += stateBytes(one);
  else for (const [key, one] of Object.entries(value)) bytes += key.length + 8 + stateBytes(one);
  return bytes;
}
