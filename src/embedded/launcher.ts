import { existsSync, readFileSync } from 'node:fs';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { findObstacle, mayExecute } from './reachability.js';
import type { RunUser } from './run-user.js';

/** How a program is started as the user that it has to run as. */
export interface Launcher {
  readonly user: RunUser | undefined;
  /** Words in front of the program; when there are none, `user` is set by the spawn itself. */
  readonly prefix: readonly string[];
}

/**
 * Decides how to run `program` as `user`, who must get to all of `paths`.
 *
 * Root's own home is often closed to others (0700), with node_modules and data in it. The server then keeps one
 * capability, for passing through closed folders, and only then: with it Postgres could read any file of the machine,
 * which means little to root, the only one who can get at the socket there.
 *
 * `no_setuid_fixup` has to come along: without it `access(2)`, by which `initdb` looks for `postgres`, disregards
 * the capability. Copying the binaries elsewhere would not do instead, as the data lies behind the same door.
 */
export function chooseLauncher(
  user: RunUser | undefined,
  program: string,
  paths: readonly string[],
): Launcher {
  if (user === undefined) return { user, prefix: [] };
  const executable = mayExecute(program, user);
  const obstacle = paths.map((path) => findObstacle(path, user)).find((found) => found !== undefined);
  if (executable && obstacle === undefined) return { user, prefix: [] };

  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  // Passing through folders and reading is all that the first allows; the second is what containers commonly have.
  const wanted = executable
    ? [capabilities.dac_read_search, capabilities.dac_override]
    : [capabilities.dac_override];
  const held = heldCapabilities();
  const capability = wanted.find(({ bit }) => (held & (1n << bit)) !== 0n);
  if (setpriv === undefined || capability === undefined) {
    throw new EmbeddedPostgresError(
      'NOT_SUPPORTED',
      `Postgres has to run as ${user.name}, who cannot get past ${obstacle ?? program}: open that folder to others (chmod o+x), start as another user than root, or set DATABASE_URL`,
    );
  }
  const prefix = [
    setpriv,
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    '--clear-groups',
    `--inh-caps=+${capability.name}`,
    `--ambient-caps=+${capability.name}`,
    '--securebits=+no_setuid_fixup',
  ];
  return { user, prefix };
}

const capabilities = {
  dac_override: { name: 'dac_override', bit: 1n },
  dac_read_search: { name: 'dac_read_search', bit: 2n },
} as const;

/** What this process holds and may pass on; nothing where there is no /proc. */
function heldCapabilities(): bigint {
  try {
    const status = readFileSync('/proc/self/status', 'latin1');
    const mask = (name: string): bigint =>
      BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0'}`);
    return mask('CapPrm') & mask('CapBnd');
  } catch {
    return 0n; // not Linux: there are no capabilities
  }
}
