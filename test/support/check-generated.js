// Generates the code of the protos into a scratch folder and compares it with what is committed in gen/.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const scratch = path.join(root, '.headwater-test');
mkdirSync(scratch, { recursive: true });
const folder = mkdtempSync(path.join(scratch, 'gen-'));

const files = (base) =>
  readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => path.relative(base, path.join(item.parentPath ?? item.path, item.name)));

try {
  const run = spawnSync(path.join(root, 'node_modules/.bin/buf'), ['generate', '-o', folder], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (run.status !== 0) process.exit(run.status ?? 1);
  const committed = path.join(root, 'gen');
  const made = path.join(folder, 'gen');
  const names = [...new Set([...files(committed), ...files(made)])];
  const differing = names.filter((name) => {
    try {
      return !readFileSync(path.join(committed, name)).equals(readFileSync(path.join(made, name)));
    } catch {
      return true;
    }
  });
  if (differing.length > 0) {
    console.error(`gen/ is not what the protos make of it; run npm run generate: ${differing.join(', ')}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
