import type { Command } from '../core/command.js';
import { utf8Bytes } from '../core/validate.js';

const encoder = new TextEncoder();

/**
 * What makes a command the same when it is sent again: type, aggregate, data. Metadata is not compared, as with events, nor
 * is the expected version. Each part has its length in front, so that no two commands read alike.
 */
export function commandBody({ commandType, aggregateId = '', data }: Command): Uint8Array {
  const typeName = data.kind === 'JSON' ? '' : data.typeName;
  const texts = [commandType, aggregateId, typeName];
  const lengths = texts.map(utf8Bytes);
  const body = new Uint8Array(lengths.reduce((sum, length) => sum + 4 + length, 4 + data.bytes.byteLength));
  let at = 0;
  texts.forEach((text, index) => {
    at = writeLength(body, at, lengths[index] ?? 0);
    at = writeText(body, at, text, lengths[index] ?? 0);
  });
  at = writeLength(body, at, data.bytes.byteLength);
  body.set(data.bytes, at);
  return body;
}

function writeLength(body: Uint8Array, at: number, length: number): number {
  body[at] = length >>> 24;
  body[at + 1] = length >>> 16;
  body[at + 2] = length >>> 8;
  body[at + 3] = length;
  return at + 4;
}

/** Names are short and nearly always plain, and then written faster here than handed over to the encoder. */
function writeText(body: Uint8Array, at: number, text: string, length: number): number {
  if (text.length === length)
    for (let index = 0; index < length; index++) body[at + index] = text.charCodeAt(index);
  else encoder.encodeInto(text, body.subarray(at));
  return at + length;
}
