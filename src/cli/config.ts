import { Command } from 'commander';
import { describeSettings } from '../config.js';
import { withoutPassword } from '../without-password.js';
import { addConfigOptions, configFrom } from './config-options.js';
import { Output } from './output.js';
import { plainTable } from './table.js';

/** `headwater config`: the settings as `serve` would take them, and where each comes from. */
export function configCommand(): Command {
  return addConfigOptions(new Command('config'))
    .description('print each setting of "serve", its value and where it comes from')
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      `
A flag stands before an environment variable, that before the file, that before the default.

Examples:
  headwater config
  HEADWATER_GRPC_PORT=6000 headwater config --json
  headwater config --config /etc/headwater.json --namespace tenant_a`,
    )
    .action(async (flags: Readonly<Record<string, unknown>>) => {
      const { config, sources, file } = configFrom(flags);
      const output = new Output();
      const settings = describeSettings().map((one) => {
        const value = config[one.name];
        return {
          ...one,
          shown: one.secret ? withoutPasswords(value) : value,
          source: sources[one.name],
        };
      });
      if (flags['json'])
        return output.line(
          JSON.stringify(
            Object.fromEntries(settings.map(({ name, shown, source }) => [name, { value: shown, source }])),
            null,
            2,
          ),
        );
      if (file) await output.line(`file: ${file}`);
      await output.line(
        plainTable(
          ['setting', 'value', 'from', 'flag', 'variable'],
          settings.map(({ name, shown, source, flag, variable }) => [
            name,
            typeof shown === 'string' ? shown : JSON.stringify(shown),
            source,
            flag,
            variable,
          ]),
          process.stdout.columns ?? 160,
        ),
      );
    });
}

/** A URL, or several by name, as far as they may be shown. */
function withoutPasswords(value: unknown): unknown {
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, url]) => [name, withoutPasswords(url)]));
  return value === '' ? '' : withoutPassword(String(value));
}
