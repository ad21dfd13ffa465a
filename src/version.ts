import { readFileSync } from 'node:fs';

/** Version of this package. */
export function version(): string {
  // From dist/src in a package or a built checkout, from src where the sources run as they are.
  for (const up of ['../../package.json', '../package.json'])
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as Record<
        string,
        string
      >;
      if (name === 'headwater' && version !== undefined) return version;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  throw new Error('The package.json of headwater is missing');
}
