import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type AnySetting, type Config, type SettingName, SETTINGS } from './settings.js';

// The only file that reads the environment.

export type { Config, SettingName } from './settings.js';

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
  readonly repeatable: boolean;
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
  return (Object.entries(SETTINGS) as [SettingName, AnySetting][]).map(([name, one]) => ({
    name,
    flag: flagOf(name),
    variable: variableOf(name, one),
    value: one.value,
    help: one.help,
    // An empty object is shown as nothing.
    default: typeof one.default === 'object' ? '' : one.default,
    secret: one.secret ?? false,
    repeatable: one.repeatable ?? false,
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
  for (const [name, one] of Object.entries(SETTINGS) as [SettingName, AnySetting][]) {
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

function parse(one: AnySetting, value: unknown, where: string): unknown {
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
