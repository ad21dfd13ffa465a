import { Violations, utf8Bytes } from '../core/validate.js';

/** What Postgres keeps of an identifier, in bytes; the rest it cuts off without a word. */
const IDENTIFIER_BYTES = 63;
/** Room for `__g` and a generation's number. */
const GENERATION_BYTES = 23;

/** Throws `InvalidRequestError` for a schema that cannot be the projection's own, in all its generations. */
export function validateSchemas(named: Readonly<Record<string, string | undefined>>, suffixed: string): void {
  const violations = new Violations();
  for (const [field, name] of Object.entries(named)) {
    if (name === undefined) continue;
    const limit = field === suffixed ? IDENTIFIER_BYTES - GENERATION_BYTES : IDENTIFIER_BYTES;
    const bytes = utf8Bytes(name);
    if (bytes === 0) violations.add(field, 'must not be empty');
    else if (bytes > limit) violations.add(field, `is ${bytes} bytes long, the limit is ${limit}`);
    else if (name.includes('\u0000')) violations.add(field, 'holds the character U+0000');
    else if (/^pg_/i.test(name))
      violations.add(field, `is ${JSON.stringify(name)}: names with pg_ in front are reserved`);
    else if (field === suffixed && (name === 'public' || name === 'information_schema'))
      violations.add(
        field,
        `is ${JSON.stringify(name)}, which cannot be a projection's own: it is dropped with it`,
      );
  }
  violations.throwIfAny();
}

/** The name as an identifier in SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Where the tables of a generation are while it is not the live one: before it is, and until they are dropped. */
export function schemaOf(schema: string, generation: bigint): string {
  return `${schema}__g${generation}`;
}
