#!/usr/bin/env node
// The command line's entry. In a checkout it first compiles what has changed since the last build; in an
// installed package there is nothing to compile.
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const entry = path.join(root, 'dist/src/cli/main.js');

function newest(folder) {
  let latest = 0;
  for (const item of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (item.isFile())
      latest = Math.max(latest, statSync(path.join(item.parentPath ?? item.path, item.name)).mtimeMs);
  return latest;
}

function stale() {
  if (!existsSync(path.join(root, 'src'))) return false;
  const stamp = path.join(root, 'dist/.tsbuildinfo');
  if (!existsSync(entry) || !existsSync(stamp)) return true;
  const sources = ['src', 'gen', 'examples'].map((folder) => path.join(root, folder));
  return Math.max(...sources.filter(existsSync).map(newest)) > statSync(stamp).mtimeMs;
}

if (stale()) (await import('./build.js')).build();
await import(entry);
