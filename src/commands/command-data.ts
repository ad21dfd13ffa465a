import type { CommandData } from '../core/command.js';
import { InvalidRequestError } from '../core/errors.js';
import type { DataCodec } from './aggregate.js';

const JSON_TYPE = 'application/json';

/** The data of a command, as its codec writes them. Throws `InvalidRequestError`. */
export function encodeData(codec: DataCodec, payload: unknown): CommandData {
  const bytes = codec.encode(payload as never);
  const typeName = messageOf(codec.contentType);
  return typeName === undefined ? { kind: 'JSON', bytes } : { kind: 'MESSAGE', typeName, bytes };
}

/** What the data of a command say. Throws `InvalidRequestError` with paths like `data.owner`. */
export function decodeData(codec: DataCodec, data: CommandData): unknown {
  return codec.validate(parsed(codec, data));
}

function parsed(codec: DataCodec, data: CommandData): unknown {
  const wanted = messageOf(codec.contentType);
  // Bytes of protobuf can be read as nearly any message, so the name decides.
  const typeName = data.kind === 'JSON' ? undefined : data.typeName.slice(data.typeName.lastIndexOf('/') + 1);
  // A message may be written as JSON, by hand say; the other way round nothing is known of it.
  const asJson = typeName === undefined && wanted !== undefined ? codec.fromJson?.bind(codec) : undefined;
  if (typeName !== wanted && asJson === undefined)
    throw refused(
      `is ${typeName === undefined ? 'JSON' : `a ${typeName}`}, not ${wanted === undefined ? 'JSON' : `a ${wanted}`}`,
    );
  try {
    return asJson
      ? asJson(new TextDecoder('utf-8', { fatal: true }).decode(data.bytes))
      : codec.parse(data.bytes, codec.contentType);
  } catch (error) {
    if (error instanceof InvalidRequestError || !(error instanceof Error)) throw error;
    throw refused(`cannot be read: ${error.message}`);
  }
}

/** The message that a content type names; `undefined` for JSON. Throws `TypeError` for what commands cannot carry. */
export function messageOf(contentType: string): string | undefined {
  const message = /^application\/protobuf;\s*message="?([^";]+)/.exec(contentType)?.[1];
  if (message === undefined && contentType !== JSON_TYPE)
    throw new TypeError(`Commands carry JSON or protobuf messages, not ${JSON.stringify(contentType)}`);
  return message;
}

function refused(description: string): InvalidRequestError {
  return new InvalidRequestError([{ field: 'data', description }]);
}
