import type { Command } from '../core/command.js';

const encoder = new TextEncoder();

/**
 * What makes a command the same when it is sent again: type, aggregate, data. Metadata is not compared, as with events, nor
 * is the expected version. Each part has its length in front, so that no two commands read alike.
 */
export function commandBody({ commandType, aggregateId, data }: Command): Uint8Array {
  const parts = [
    encoder.encode(commandType),
    encoder.encode(aggregateId ?? ''),
    encoder.encode(data.kind === 'JSON' ? '' : data.typeName),
    data.bytes,
  ];
  const body = new Uint8Array(parts.reduce((length, part) => length + 4 + part.byteLength, 0));
  const view = new DataView(body.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.byteLength);
    body.set(part, at + 4);
    at += 4 + part.byteLength;
  }
  return body;
}
