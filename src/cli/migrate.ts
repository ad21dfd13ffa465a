import { Command } from 'commander';
import { addConfigOptions, configFrom } from './config-options.js';
import { Output } from './output.js';

/** `headwater migrate`: brings the schema to this version's state, and ends. */
export function migrateCommand(): Command {
  return addConfigOptions(new Command('migrate'), [
    'databaseUrl',
    'namespace',
    'placements',
    'data',
    'logLevel',
    'connectTimeoutMs',
    'statementTimeoutMs',
  ])
    .description(
      "bring the database schema to this version's state, and end; serve does the same when it starts",
    )
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Use it with a role that may create what the service's own role may not.

Examples:
  headwater migrate
  DATABASE_URL=postgres://admin@db/app headwater migrate --namespace headwater`,
    )
    .action(async (flags: Readonly<Record<string, unknown>>) => {
      const { config } = configFrom(flags);
      const { migrateOnly } = await import('../server.js');
      const { createLogger } = await import('../telemetry/logger.js');
      const { where, applied, functionsReplaced, roles, serverVersion } = await migrateOnly(
        config,
        createLogger(config.logLevel),
      );
      const output = new Output();
      if (flags['json']) {
        await output.line(
          JSON.stringify({
            where,
            namespace: config.namespace,
            serverVersion,
            applied,
            functionsReplaced,
            roles,
          }),
        );
        return;
      }
      await output.line(
        applied.length === 0 && !functionsReplaced
          ? `Schema ${config.namespace} is up to date (${where}, Postgres ${serverVersion})`
          : `Schema ${config.namespace} is migrated: ${applied.length > 0 ? applied.join(', ') : 'functions replaced'} (${where}, Postgres ${serverVersion})`,
      );
      if (!roles)
        await output.line(
          'The roles headwater_writer and headwater_reader could not be made; all runs as the role of DATABASE_URL',
        );
    });
}
