import type { Command } from 'commander';
import { describeSettings, type LoadedConfig, loadConfig, type SettingName } from '../config.js';

/** Adds the flags of the settings, or of some of them, and `--config`. */
export function addConfigOptions(command: Command, only?: readonly SettingName[]): Command {
  command.option('--config <file>', 'a JSON file with settings (default: headwater.json, if there is one)');
  for (const { name, flag, value, help, variable, repeatable, default: fallback } of describeSettings()) {
    if (only && !only.includes(name)) continue;
    const shown = fallback === '' || fallback === false ? '' : `, default ${String(fallback)}`;
    const flags = value === undefined ? flag : `${flag} <${value}>`;
    const shownHelp = `${help} (${variable}${shown})`;
    if (repeatable)
      command.option(flags, shownHelp, (one: string, before: string[] | undefined) => [
        ...(before ?? []),
        one,
      ]);
    else command.option(flags, shownHelp);
  }
  return command;
}

/** Throws `ConfigError`. */
export function configFrom(flags: Readonly<Record<string, unknown>>): LoadedConfig {
  return loadConfig(flags, flags['config'] as string | undefined);
}
