import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { DEFAULT_LIMITS } from './core/limits.js';

// The only file that reads the environment. Each setting is written once, here: its flag, its variable, its key in the
// file, its rule, its default and its help all come from this table.

const count = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.coerce.number({ error }).int(error).min(least, error).max(most, error);
};
const port = count(0, 65535);
const host = z.string().min(1);
const flag = z.union([z.boolean(), z.stringbool()], { error: 'must be true or false' });

interface Setting<T extends z.ZodType> {
  readonly schema: T;
  readonly default: z.output<T>;
  /** The environment variable; others are made of the key: `grpcPort` is HEADWATER_GRPC_PORT. */
  readonly variable?: string;
  /** What stands behind the flag in the help; none for a switch. */
  readonly value?: string;
  readonly help: string;
  /** Shown as `***` by `headwater config`. */
  readonly secret?: boolean;
}

const setting = <T extends z.ZodType>(one: Setting<T>): Setting<T> => one;

const SETTINGS = {
  databaseUrl: setting({
    schema: z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'must begin with postgres:// or postgresql://')
      .or(z.literal('')),
    default: '',
    variable: 'DATABASE_URL',
    value: 'url',
    help: 'the Postgres to use, 15 or newer; without it an embedded one is started',
    secret: true,
  }),
  schema: setting({
    schema: z
      .string()
      .regex(
        /^[a-z][a-z0-9_]{0,47}$/,
        'must be a lower-case letter and at most 47 letters, digits and _ behind it',
      ),
    default: 'headwater',
    value: 'name',
    help: 'the Postgres schema that holds the log',
  }),
  data: setting({
    schema: z.string().min(1),
    default: '.headwater',
    value: 'folder',
    help: 'where the embedded Postgres keeps its data',
  }),
  grpcHost: setting({
    schema: host,
    default: '127.0.0.1',
    value: 'address',
    help: 'the address that gRPC listens on',
  }),
  grpcPort: setting({
    schema: port,
    default: 50051,
    value: 'port',
    help: 'the port of gRPC; 0 takes a free one',
  }),
  httpHost: setting({
    schema: host,
    default: '127.0.0.1',
    value: 'address',
    help: 'the address that HTTP listens on',
  }),
  httpPort: setting({
    schema: port,
    default: 8080,
    value: 'port',
    help: 'the port of HTTP (health); 0 takes a free one',
  }),
  allowUnauthenticated: setting({
    schema: flag,
    default: false,
    help: 'serve addresses beyond this machine although nobody is authenticated',
  }),
  logLevel: setting({
    schema: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
    default: 'info',
    value: 'level',
    help: 'debug, info, warn, error or silent; JSON lines on standard error',
  }),
  readConnections: setting({
    schema: count(1, 500),
    default: 8,
    value: 'n',
    help: 'database connections for reading; appending takes two more, listening one',
  }),
  connectTimeoutMs: setting({
    schema: count(100, 60_000),
    default: 5000,
    value: 'ms',
    help: 'how long to wait for a database connection',
  }),
  statementTimeoutMs: setting({
    schema: count(100, 600_000),
    default: 30_000,
    value: 'ms',
    help: 'how long to wait for one statement, a commit included',
  }),
  drainTimeoutMs: setting({
    schema: count(0, 600_000),
    default: 25_000,
    value: 'ms',
    help: 'how long SIGTERM waits for calls under way',
  }),
  stallTimeoutMs: setting({
    schema: count(1000, 86_400_000),
    default: 60_000,
    value: 'ms',
    help: 'how long a reader may stand still before its stream is ended',
  }),
  maxConcurrentStreams: setting({
    schema: count(1, 100_000),
    default: 1000,
    value: 'n',
    help: 'calls under way on one connection',
  }),
  appendQueueRequests: setting({
    schema: count(1, 1_000_000),
    default: 20_000,
    value: 'n',
    help: 'appends that may wait for their turn',
  }),
  appendQueueBytes: setting({
    schema: count(1024, 2 ** 40),
    default: 64 * 1024 * 1024,
    value: 'bytes',
    help: 'bytes of the appends that may wait for their turn',
  }),
  ringBytes: setting({
    schema: count(1024, 2 ** 40),
    default: 16 * 1024 * 1024,
    value: 'bytes',
    help: 'the newest events that are kept in memory for live subscribers',
  }),
  eventDataBytes: setting({
    schema: count(1, 3 * 1024 * 1024),
    default: DEFAULT_LIMITS.eventDataBytes,
    value: 'bytes',
    help: "the limit of one event's data",
  }),
  eventMetadataBytes: setting({
    schema: count(0, 256 * 1024),
    default: DEFAULT_LIMITS.eventMetadataBytes,
    value: 'bytes',
    help: "the limit of one event's metadata",
  }),
  eventTags: setting({
    schema: count(0, 256),
    default: DEFAULT_LIMITS.eventTags,
    value: 'n',
    help: 'the limit of tags on one event',
  }),
  appendEvents: setting({
    schema: count(1, 10_000),
    default: DEFAULT_LIMITS.appendEvents,
    value: 'n',
    help: 'the limit of events in one append',
  }),
  appendBytes: setting({
    schema: count(1024, 5 * 1024 * 1024),
    default: DEFAULT_LIMITS.appendBytes,
    value: 'bytes',
    help: 'the limit of bytes in one append',
  }),
};

type Settings = typeof SETTINGS;
export type SettingName = keyof Settings;

/** All settings with their values. */
export type Config = { readonly [K in SettingName]: z.output<Settings[K]['schema']> };

/** Where a value came from. */
export type Source = 'flag' | 'environment' | 'file' | 'default';

export interface LoadedConfig {
  readonly config: Config;
  readonly sources: { readonly [K in SettingName]: Source };
  /** The file that was read, if any. */
  readonly file: string | undefined;
}

/** A setting as the command line and `headwater config` show it. */
export interface SettingDescription {
  readonly name: SettingName;
  readonly flag: string;
  readonly variable: string;
  readonly value: string | undefined;
  readonly help: string;
  readonly default: unknown;
  readonly secret: boolean;
}

/** A value is not allowed, or a file cannot be read; the message names it, where it came from, and what is allowed. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConfigError';
  }
}

export const DEFAULT_CONFIG_FILE = 'headwater.json';

export function describeSettings(): readonly SettingDescription[] {
  return (Object.entries(SETTINGS) as [SettingName, Setting<z.ZodType>][]).map(([name, one]) => ({
    name,
    flag: flagOf(name),
    variable: variableOf(name, one),
    value: one.value,
    help: one.help,
    default: one.default,
    secret: one.secret ?? false,
  }));
}

/**
 * The settings: flags before environment before file before default. An empty variable counts as not set. Throws
 * `ConfigError`.
 *
 * @param flags by the settings' names, as the command line gave them
 * @param file the `--config` file; without it `headwater.json` of the working folder, if there is one
 */
export function loadConfig(
  flags: Readonly<Record<string, unknown>> = {},
  file?: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): LoadedConfig {
  const fromFile = readConfigFile(file);
  const config: Record<string, unknown> = {};
  const sources: Record<string, Source> = {};
  for (const [name, one] of Object.entries(SETTINGS) as [SettingName, Setting<z.ZodType>][]) {
    const variable = variableOf(name, one);
    const given: [Source, unknown, string][] = [
      ['flag', flags[name], flagOf(name)],
      [
        'environment',
        environment[variable] === '' ? undefined : environment[variable],
        `variable ${variable}`,
      ],
      ['file', fromFile?.values[name], `${JSON.stringify(name)} in ${fromFile?.path}`],
    ];
    const found = given.find(([, value]) => value !== undefined);
    sources[name] = found?.[0] ?? 'default';
    config[name] = found ? parse(one, found[1], found[2]) : one.default;
  }
  return {
    config: config as Config,
    sources: sources as LoadedConfig['sources'],
    file: fromFile?.path,
  };
}

/** The environment for child processes and colours; nothing else in src reads it. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

function parse(one: Setting<z.ZodType>, value: unknown, where: string): unknown {
  const parsed = one.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const shown = one.secret ? '' : ` ${JSON.stringify(value)}`;
  const problem = parsed.error.issues[0]?.message ?? 'is not allowed';
  throw new ConfigError(`${where}${shown} ${problem} (${one.help})`);
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function variableOf(name: string, one: { readonly variable?: string }): string {
  return one.variable ?? `HEADWATER_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

function readConfigFile(
  file: string | undefined,
): { readonly path: string; readonly values: Record<string, unknown> } | undefined {
  const full = path.resolve(file ?? DEFAULT_CONFIG_FILE);
  let text: string;
  try {
    text = readFileSync(full, 'utf8');
  } catch (error) {
    if (file === undefined && error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return undefined;
    throw new ConfigError(`The configuration file ${full} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`The configuration file ${full} is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw new ConfigError(`The configuration file ${full} must hold one JSON object`);
  for (const key of Object.keys(values))
    if (!(key in SETTINGS))
      throw new ConfigError(
        `The configuration file ${full} has ${JSON.stringify(key)}, which is no setting; those are ${Object.keys(SETTINGS).join(', ')}`,
      );
  return { path: full, values: values as Record<string, unknown> };
}
