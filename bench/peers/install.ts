import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { PeerName } from './contestant.js';
import { peerFolder } from './folder.js';
import { EMMETT_PACKAGES, EVENTSOURCING_PACKAGES, UMADB_PACKAGES } from './versions.js';

/** Why a peer is not measured, in a sentence that says what to do. */
export class PeerMissingError extends Error {
  override readonly name = 'PeerMissingError';
}

type Packages = Readonly<Record<string, string>>;

const INSTALLERS: Readonly<Record<Exclude<PeerName, 'message-db'>, Installer>> = {
  emmett: { packages: EMMETT_PACKAGES, install: npm, needs: 'npm and the npm registry' },
  eventsourcing: {
    packages: EVENTSOURCING_PACKAGES,
    install: pip,
    needs: 'python3 (3.10 or newer, with venv) and PyPI',
  },
  umadb: {
    packages: UMADB_PACKAGES,
    install: pip,
    needs: 'python3 (3.10 or newer, with venv), PyPI and Linux or macOS',
  },
};

interface Installer {
  readonly packages: Packages;
  readonly needs: string;
  readonly install: (folder: string, packages: Packages) => Promise<void>;
}

/**
 * Installs the peer into its folder, unless these very versions are there. Message DB is SQL of ours, and always there.
 * Throws {@link PeerMissingError} where that cannot be.
 */
export async function install(name: PeerName, progress: (text: string) => void): Promise<void> {
  if (name === 'message-db') return;
  if (await isInstalled(name)) return;
  const { packages, needs, install: carryOut } = INSTALLERS[name];
  const folder = peerFolder(name);
  progress(`installing ${name}`);
  try {
    // Whatever is there is of other versions, or half done.
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await carryOut(folder, packages);
    await writeFile(stampOf(name), listOf(packages));
  } catch (error) {
    throw new PeerMissingError(`${name} could not be installed, which needs ${needs}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether these very versions are there. */
export async function isInstalled(name: PeerName): Promise<boolean> {
  if (name === 'message-db') return true;
  const text = await readFile(stampOf(name), 'utf8').catch(() => '');
  return text === listOf(INSTALLERS[name].packages);
}

/** Written last, so half an installation is none. */
function stampOf(name: PeerName): string {
  return path.join(peerFolder(name), 'installed.json');
}

function listOf(packages: Packages): string {
  return JSON.stringify(packages, undefined, 2);
}

async function npm(folder: string, packages: Packages): Promise<void> {
  await writeFile(
    path.join(folder, 'package.json'),
    JSON.stringify({ private: true, dependencies: packages }, undefined, 2),
  );
  // The scripts of foreign packages are not needed, so they do not run.
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], folder);
}

async function pip(folder: string, packages: Packages): Promise<void> {
  await run('python3', ['-m', 'venv', folder], folder);
  const exact = Object.entries(packages).map(([name, version]) => `${name}==${version}`);
  // Wheels only: a source package would run code of its own, and compile for minutes.
  const flags = ['--quiet', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check'];
  await run(path.join(folder, 'bin/python'), ['-m', 'pip', 'install', ...flags, ...exact], folder);
}

const MINUTES = 60_000;

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  await promisify(execFile)(command, [...args], { cwd, timeout: 10 * MINUTES, maxBuffer: 2 ** 24 });
}

/** What the installer said last; of a program that is not there, that. */
function reasonOf(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
  const said = stderr?.trim().split('\n').slice(-2).join(' ');
  return said || message;
}
