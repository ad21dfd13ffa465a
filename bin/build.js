// Compiles src, gen, bench and examples into dist, and puts the SQL files beside the code that reads them.
// Plain JavaScript, because it must run before anything is compiled.
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Exits with a sentence if the compiler is not installed or refuses. */
export function build() {
  let compiler;
  try {
    compiler = path.join(
      path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
      'bin/tsc',
    );
  } catch {
    console.error('TypeScript is not installed, so Headwater cannot be built: run npm ci first');
    process.exit(1);
  }
  const compiled = spawnSync(process.execPath, [compiler, '-p', path.join(root, 'tsconfig.build.json')], {
    stdio: ['ignore', 2, 2],
  });
  if (compiled.status !== 0) process.exit(compiled.status ?? 1);
  cpSync(path.join(root, 'src/postgres'), path.join(root, 'dist/src/postgres'), {
    recursive: true,
    filter: (from) => !path.extname(from) || from.endsWith('.sql'),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
