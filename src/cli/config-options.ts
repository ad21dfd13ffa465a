import type { Command } from 'commander';
import { describeSettings, type LoadedConfig, loadConfig, type SettingName } from '../config.js';

/** Adds the flags of the settings, or of some of them, and `--config`. */
export function addConfigOptions(command: Command, only?: readonly SettingName[]): Command {
  command.option('--config <file>', 'a JSON file with settings (default: headwater.json, if there is one)');
  for (const { name, flag, value, help, variable, default: fallback } of describeSettings()) {
    if (only && !only.includes(name)) continue;
    const shown = fallback === '' || fallback === false ? '' : `, default ${String(fallback)}`;
    command.option(value === undefined ? flag : `${flag} <${value}>`, `${help} (${variable}${shown})`);
  }
  return command;
}

/** Throws `ConfigError`. */
export function configFrom(flags: Readonly<Record<string, unknown>>): LoadedConfig {
  return loadConfig(flags, flags['config'] as string | undefined);
}
