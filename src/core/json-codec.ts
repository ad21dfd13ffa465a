import { encodedText } from './encoded-text.js';
import { type FieldViolation, InvalidRequestError } from './errors.js';
import type { PayloadCodec } from './payload-codec.js';
import type { SchemaInput, SchemaIssue, SchemaOutput, StandardSchema } from './standard-schema.js';

// Bytes that are no UTF-8 are refused: to replace them would be to invent data.
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Payloads as JSON. With a schema (zod, valibot, arktype or whatever else speaks Standard Schema) they are validated both
 * ways: what is written is the payload as it was given, what is read is what the schema makes of it. Without one the type
 * is taken on trust. The schema must be synchronous.
 *
 * Refuses what JSON would change in silence: numbers that are not finite, bigints, and `undefined` as the whole.
 *
 * @example
 * json<{ owner: string }>();
 * json(z.object({ owner: z.string() }));
 */
export function json<T>(): PayloadCodec<T>;
export function json<Schema extends StandardSchema>(
  schema: Schema,
): PayloadCodec<SchemaInput<Schema>, SchemaOutput<Schema>>;
export function json(schema?: StandardSchema): PayloadCodec<unknown> {
  return {
    contentType: 'application/json',
    encode: (payload) => {
      validated(schema, payload);
      return encodedText(textOf(payload));
    },
    parse: (data) => JSON.parse(decoder.decode(data)) as unknown,
    validate: (value) => validated(schema, value),
  };
}

/** What the schema makes of a value; the value itself without one. Throws `InvalidRequestError` with paths like `data.owner`. */
export function validated(schema: StandardSchema | undefined, value: unknown): unknown {
  if (schema === undefined) return value;
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise)
    throw new TypeError(
      `The schema of ${schema['~standard'].vendor} validates asynchronously, which payloads cannot wait for`,
    );
  if (result.issues === undefined) return result.value;
  throw new InvalidRequestError(result.issues.slice(0, 10).map(violationOf), result.issues.length);
}

function violationOf({ message, path = [] }: SchemaIssue): FieldViolation {
  let field = 'data';
  for (const part of path) {
    const key = typeof part === 'object' ? part.key : part;
    field += typeof key === 'number' ? `[${key}]` : `.${String(key)}`;
  }
  return { field, description: message };
}

function textOf(payload: unknown): string {
  try {
    const text = JSON.stringify(payload) as string | undefined;
    // A number that is not finite becomes null. To look at every value costs three times as much as to write it, and most
    // payloads have no null.
    if (text?.includes('null')) JSON.stringify(payload, refuseInfinite);
    if (text === undefined) throw new TypeError(`It is ${typeof payload}`);
    return text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const description = `cannot be written as JSON: ${error.message}`;
    throw new InvalidRequestError([{ field: 'data', description }]);
  }
}

function refuseInfinite(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new TypeError(`${JSON.stringify(key)} is ${value}`);
  return value;
}
