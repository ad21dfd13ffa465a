import path from 'node:path';
import { CHECKOUT } from '../checkout.js';

/** A file beside this one that is not compiled. */
export function sourceFile(name: string): string {
  return path.join(CHECKOUT, 'bench/peers', name);
}

/** Where a peer is installed; git ignores it. */
export function peerFolder(name: string): string {
  return path.join(CHECKOUT, '.headwater-bench/peers', name);
}
