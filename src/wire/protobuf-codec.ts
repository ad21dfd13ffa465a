import {
  create,
  type DescMessage,
  fromJsonString,
  fromBinary,
  isMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { InvalidRequestError } from '../core/errors.js';
import { validated } from '../core/json-codec.js';
import type { PayloadCodec } from '../core/payload-codec.js';
import type { StandardSchema } from '../core/standard-schema.js';

const MEDIA_TYPES = new Set(['application/protobuf', 'application/x-protobuf']);

export interface ProtobufOptions {
  /**
   * Says whether a message keeps the rules of its proto; whatever speaks Standard Schema. For protovalidate that is
   * `createStandardSchema(Schema)` of `@bufbuild/protovalidate`. What it makes of a message is not used.
   * @default nothing but the types is asked of a message
   */
  readonly validate?: StandardSchema;
}

/**
 * Payloads as messages of protobuf-es. The content type names the message, `application/protobuf; message=acme.Opened`;
 * one that names another, or is no protobuf at all, is refused, for bytes of protobuf can be read as nearly any message.
 * Takes messages, and what they are made of.
 *
 * With `validate` messages are validated both ways: what is written, and what is read in the newest shape.
 *
 * A field that is only added needs no new schema version: protobuf reads older messages by itself.
 *
 * @example
 * eventTypes().register('AccountOpened', { codec: protobuf(AccountOpenedSchema) });
 */
export function protobuf<Desc extends DescMessage>(
  schema: Desc,
  { validate }: ProtobufOptions = {},
): PayloadCodec<MessageInitShape<Desc>, MessageShape<Desc>> {
  const made = (value: unknown) =>
    isMessage(value, schema) ? value : create(schema, value as MessageInitShape<Desc>);
  return {
    contentType: `application/protobuf; message=${schema.typeName}`,
    encode: (payload) => {
      try {
        const message = made(payload);
        validated(validate, message);
        return toBinary(schema, message);
      } catch (error) {
        if (!(error instanceof Error) || error instanceof InvalidRequestError) throw error;
        const description = `cannot be written as ${schema.typeName}: ${error.message}`;
        throw new InvalidRequestError([{ field: 'data', description }]);
      }
    },
    parse: (data, contentType) => {
      refuseOthers(contentType, schema.typeName);
      return fromBinary(schema, data);
    },
    fromJson: (text) => fromJsonString(schema, text),
    validate: (value) => {
      if (isMessage(value) && !isMessage(value, schema))
        throw new InvalidRequestError([
          { field: 'data', description: `is a ${value.$typeName}, not a ${schema.typeName}` },
        ]);
      const message = made(value);
      validated(validate, message);
      return message;
    },
  };
}

function refuseOthers(contentType: string, typeName: string): void {
  const [media = '', ...parameters] = contentType.split(';').map((part) => part.trim());
  const message = parameters.find((one) => /^message=/i.test(one))?.slice('message='.length);
  const problem = !MEDIA_TYPES.has(media.toLowerCase())
    ? `is ${JSON.stringify(contentType)}, not application/protobuf`
    : message !== undefined && message.replaceAll('"', '') !== typeName
      ? `names the message ${message}, not ${typeName}`
      : undefined;
  if (problem !== undefined) throw new InvalidRequestError([{ field: 'content_type', description: problem }]);
}
