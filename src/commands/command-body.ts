import type { Command } from '../core/command.js';
import { writeShortAscii } from '../core/short-text.js';
import { utf8Bytes } from '../core/validate.js';

const encoder = new TextEncoder();
const LENGTH_BYTES = 4;
/** For bodies that have room in it: an array for each costs more than to fill it. */
const shared = new Uint8Array(4096);

/**
 * What makes a command the same when it is sent again: type, aggregate, data. Metadata is not compared, as with events, nor
 * is the expected version. Each part has its length in front, so that no two commands read alike. To be hashed at once: it is good
 * until the next one is asked for.
 */
export function commandBody({ commandType, aggregateId = '', data }: Command): Uint8Array {
  const typeName = data.kind === 'JSON' ? '' : data.typeName;
  const ofType = utf8Bytes(commandType);
  const ofAggregate = utf8Bytes(aggregateId);
  const ofData = utf8Bytes(typeName);
  const { byteLength } = data.bytes;
  const size = 4 * LENGTH_BYTES + ofType + ofAggregate + ofData + byteLength;
  const body = size > shared.byteLength ? new Uint8Array(size) : shared;
  let at = writeText(body, 0, commandType, ofType);
  at = writeText(body, at, aggregateId, ofAggregate);
  at = writeText(body, at, typeName, ofData);
  at = writeLength(body, at, byteLength);
  body.set(data.bytes, at);
  return body.subarray(0, size);
}

function writeLength(body: Uint8Array, at: number, length: number): number {
  body[at] = length >>> 24;
  body[at + 1] = length >>> 16;
  body[at + 2] = length >>> 8;
  body[at + 3] = length;
  return at + LENGTH_BYTES;
}

/** Behind its length. */
function writeText(body: Uint8Array, to: number, text: string, length: number): number {
  const at = writeLength(body, to, length);
  if (!writeShortAscii(text, body, at)) encoder.encodeInto(text, body.subarray(at));
  return at + length;
}
