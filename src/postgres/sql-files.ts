import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { quotedSchema } from './schema.js';

/** A file with SQL, whose `:schema` stands for the schema's name. */
export interface SqlFile {
  /** Without the extension. */
  readonly name: string;
  /** SHA-256 of the text, in hex. */
  readonly digest: string;
  for(schema: string): string;
}

/** A numbered step of the schema, never edited once it is released. */
export interface Migration extends SqlFile {
  readonly number: number;
}

/** The migrations in their order. */
export async function migrations(): Promise<readonly Migration[]> {
  const files = await sqlFiles('migrations');
  return files.map((file, index) => {
    const number = Number(file.name.slice(0, 4));
    if (number !== index + 1) throw new Error(`Migration ${file.name} does not follow ${index}`);
    return { ...file, number };
  });
}

/** The functions, each replaced as a whole. */
export function functions(): Promise<readonly SqlFile[]> {
  return sqlFiles('functions');
}

async function sqlFiles(folder: 'migrations' | 'functions'): Promise<readonly SqlFile[]> {
  const base = new URL(`./${folder}/`, import.meta.url);
  const names = (await readdir(base)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(name, base), 'utf8');
      return {
        name: name.slice(0, -'.sql'.length),
        digest: createHash('sha256').update(text).digest('hex'),
        for: (schema: string) => text.replaceAll(':schema', quotedSchema(schema)),
      };
    }),
  );
}
