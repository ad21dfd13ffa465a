import { Command } from 'commander';
import { nameProblem } from '../core/validate.js';
import { addConfigOptions, configFrom } from './config-options.js';
import { durationFrom } from './duration.js';
import { UsageError } from './exit-codes.js';
import { many } from './key-value.js';
import { Output } from './output.js';
import { bindingFrom } from './principal-options.js';

interface FirstFlags extends Readonly<Record<string, unknown>> {
  readonly binding?: readonly string[];
  readonly name: string;
  readonly validFor: string;
}

/** `headwater token first`: a token from whoever holds the database, while nobody can come in over the network. */
export function tokenFirstCommand(): Command {
  return addConfigOptions(
    new Command('first')
      .argument('<principal>', 'as whom it calls')
      .option('--binding <role@scope[:resource]>', 'what it is bound to; repeatable', many)
      .option('--name <text>', 'what it is for, for people', 'first token')
      .option('--valid-for <duration>', 'for how long it is good, as 12h, 30d or 1y', '1d'),
    ['databaseUrl', 'data', 'accessNamespace', 'logLevel', 'connectTimeoutMs', 'statementTimeoutMs'],
  )
    .description('make a token by way of the database, where nobody can come in to make one')
    .addHelpText(
      'after',
      `
It needs no service, only its database (DATABASE_URL, or the folder of the embedded Postgres while no service runs on it), and
prints the token alone. It is on record as made by "database". Make others with it, and revoke it.

Examples:
  headwater token first root --binding admin@system > root.token
  DATABASE_URL=postgres://app@db/app headwater token first root --binding admin@system --valid-for 1h`,
    )
    .action(async (principal: string, flags: FirstFlags) => {
      if (flags.binding === undefined)
        throw new UsageError('--binding says what the token is bound to, as --binding admin@system');
      const bindings = flags.binding.map((one) => bindingFrom(one));
      refuse('The principal', principal);
      refuse('--name', flags.name);
      const validForMs = Number(durationFrom(flags.validFor, '--valid-for') / 1000n);
      if (validForMs < 1000) throw new UsageError('--valid-for must be at least 1s');
      const { config } = configFrom(flags);
      const [{ makeFirstToken }, { createLogger }] = await Promise.all([
        import('../first-token.js'),
        import('../telemetry/logger.js'),
      ]);
      const made = await makeFirstToken(config, createLogger(config.logLevel), {
        name: flags.name,
        principal,
        bindings,
        validForMs,
      });
      await new Output().line(made.secret);
    });
}

function refuse(what: string, value: string): void {
  const problem = nameProblem(value);
  if (problem !== undefined) throw new UsageError(`${what} ${problem}`);
}
