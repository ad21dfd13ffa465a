/** The message as an entry of a repeated field 1, which is what both ways of a pipelined call consist of. */
export function inField1(message: Uint8Array): Buffer {
  const head = [0x0a];
  let rest = message.byteLength;
  for (; rest > 0x7f; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  head.push(rest);
  return Buffer.concat([Uint8Array.from(head), message], head.length + message.byteLength);
}
