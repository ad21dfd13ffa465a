/** Metadata as it is stored: text. */
export type Metadata = Readonly<Record<string, string>>;

/**
 * Metadata out of values of any kind: text stays as it is, numbers, bigints and booleans are written as such, everything
 * else as JSON. Keys whose value is `undefined` are left out. Throws `TypeError` for what JSON cannot say.
 *
 * @example
 * metadataOf({ actor: 'ada', attempt: 2, dryRun: false, roles: ['admin'] });
 * // { actor: 'ada', attempt: '2', dryRun: 'false', roles: '["admin"]' }
 */
export function metadataOf(values: Readonly<Record<string, unknown>>): Metadata {
  const entries: [string, string][] = [];
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    entries.push([key, textOf(key, value)]);
  }
  return Object.fromEntries(entries);
}

/** The value as a number; `undefined` if the key is missing or its text is no finite number in JSON's way of writing. */
export function metadataNumber(metadata: Metadata, key: string): number | undefined {
  const text = own(metadata, key);
  if (text === undefined || !/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** The value as a whole number of any size; `undefined` if the key is missing or its text is none. */
export function metadataBigint(metadata: Metadata, key: string): bigint | undefined {
  const text = own(metadata, key);
  return text !== undefined && /^-?(0|[1-9]\d*)$/.test(text) ? BigInt(text) : undefined;
}

/** The value as true or false; `undefined` if the key is missing or its text is neither. */
export function metadataBoolean(metadata: Metadata, key: string): boolean | undefined {
  const text = own(metadata, key);
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** The value as what its JSON says; `undefined` if the key is missing or its text is no JSON. */
export function metadataJson(metadata: Metadata, key: string): unknown {
  const text = own(metadata, key);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function own(metadata: Metadata, key: string): string | undefined {
  return Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}

function textOf(key: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new TypeError(`Metadata ${JSON.stringify(key)} is ${value}, which JSON cannot say`);
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined)
    throw new TypeError(`Metadata ${JSON.stringify(key)} is a ${typeof value}, which JSON cannot say`);
  return text;
}
