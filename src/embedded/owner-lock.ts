import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { codeOf } from './file-errors.js';
import { beats, startHeartbeat } from './heartbeat.js';
import { identifyProcess, isRunning, type ProcessIdentity } from './process-identity.js';

/** The right to work in a data folder, held by one process at a time. */
export interface OwnerLock {
  /** May be called twice. */
  release(): void;
}

export interface OwnerLockOptions {
  /** How often a holder gives a sign of life. @default 2000 */
  readonly beatMs?: number;
  /** How long a holder that cannot be seen must be silent to count as dead. @default 10_000 */
  readonly patienceMs?: number;
}

/**
 * Takes the folder for this process, or refuses with the id of the process that has it.
 *
 * The lock is a row of numbered files, `1`, `2`, …, of which the highest says who holds it; an empty one, or one whose
 * process has ended, is free. To take it is to link the next number, which exactly one process can do. The highest
 * number is never removed, only followed. Another container on the same volume is not seen, so it is listened for:
 * after a crash there the next start takes `patienceMs` longer. Postgres's own guard is blind to that case.
 *
 * A single lock file would do for two starters, but not for two that find the same dead one: whoever removes it second
 * removes the first one's live lock. `flock` would be simpler still, and Node has none.
 */
export async function takeOwnerLock(
  folder: string,
  root: string,
  options: OwnerLockOptions = {},
): Promise<OwnerLock> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  // Linked only when complete, so that nobody ever reads half a name.
  const claim = join(folder, `claim-${randomUUID()}`);
  const text = JSON.stringify({ ...identifyProcess(process.pid), claim: randomUUID() });
  writeFileSync(claim, text, { flag: 'wx', mode: 0o644 });
  try {
    for (;;) {
      const latest = latestNumber(folder);
      const found = join(folder, String(latest));
      const holder = readIdentity(found);
      if (holder !== undefined && (isRunning(holder) ?? (await beats(found, options.patienceMs ?? 10_000)))) {
        throw inUse(root, holder);
      }
      const mine = join(folder, String(latest + 1));
      if (!linked(claim, mine)) continue;
      // We may have looked long ago, and the number below may since have been used and cleared away.
      if (latestNumber(folder) !== latest + 1) {
        rmSync(mine, { force: true });
        continue;
      }
      clearBelow(folder, latest + 1);
      const heartbeat = startHeartbeat(mine, options.beatMs ?? 2_000);
      return {
        release: () => {
          heartbeat.stop();
          releaseFile(mine, text);
        },
      };
    }
  } finally {
    rmSync(claim, { force: true });
  }
}

export function inUse(root: string, holder: ProcessIdentity): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'IN_USE',
    `The data folder ${root} is in use by ${describe(holder)}: connect to the server that runs there, stop it, or choose another --data folder`,
  );
}

function describe(holder: ProcessIdentity): string {
  const self = identifyProcess(process.pid);
  if (holder.boot !== self.boot || holder.numbering !== self.numbering) {
    return `process ${holder.pid} of another container or machine (${holder.host})`;
  }
  return holder.pid === process.pid ? `this same process (${holder.pid})` : `process ${holder.pid}`;
}

function latestNumber(folder: string): number {
  return readdirSync(folder).reduce((latest, name) => Math.max(latest, numberOf(name)), 0);
}

function numberOf(name: string): number {
  return /^\d+$/.test(name) ? Number(name) : 0;
}

function linked(claim: string, target: string): boolean {
  try {
    linkSync(claim, target);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Files of former holders, and claims of processes that were killed while they asked. */
function clearBelow(folder: string, number: number): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const past = numberOf(name) > 0 && numberOf(name) < number;
    if (past || (name.startsWith('claim-') && isAbandoned(path))) rmSync(path, { force: true });
  }
}

function isAbandoned(claim: string): boolean {
  const claimant = readIdentity(claim);
  return claimant !== undefined && isRunning(claimant) === false;
}

/** Undefined for a file that is gone, was released, or was torn by a power cut: in each case nobody holds it. */
function readIdentity(path: string): ProcessIdentity | undefined {
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isIdentity(found) ? found : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isIdentity(found: unknown): found is ProcessIdentity {
  const fields: Readonly<Record<string, unknown>> = typeof found === 'object' ? { ...found } : {};
  const names = ['started', 'boot', 'numbering', 'host'];
  return typeof fields['pid'] === 'number' && names.every((name) => typeof fields[name] === 'string');
}

function releaseFile(path: string, text: string): void {
  try {
    // Not ours any more after a first release, or when the folder was deleted and made anew by somebody else.
    if (readFileSync(path, 'utf8') === text) truncateSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
