import { existsSync } from 'node:fs';
import path from 'node:path';

/** The checkout, wherever in it this file runs: as it stands, or compiled. */
const checkout = up(import.meta.dirname);

/** A file beside this one that is not compiled. */
export function sourceFile(name: string): string {
  return path.join(checkout, 'bench/peers', name);
}

/** Where a peer is installed; git ignores it. */
export function peerFolder(name: string): string {
  return path.join(checkout, '.headwater-bench/peers', name);
}

function up(folder: string): string {
  return existsSync(path.join(folder, 'package.json')) ? folder : up(path.dirname(folder));
}
