import { Command, CommanderError } from 'commander';
import { version } from '../server.js';
import { appendCommand } from './append.js';
import { configCommand } from './config.js';
import { InterruptedError } from './connection-options.js';
import { EXIT, EXIT_HELP, exitCodeOf, explain } from './exit-codes.js';
import { loadCommand } from './load.js';
import { migrateCommand } from './migrate.js';
import { serveCommand } from './serve.js';
import { tailCommand } from './tail.js';
import { tourCommand } from './tour.js';

const program = new Command('headwater')
  .description('The event store for teams that already run Postgres')
  .version(version())
  .addHelpText(
    'after',
    `${EXIT_HELP}

Examples:
  headwater serve                              the service, on an embedded Postgres
  headwater tour --repo ../some-clone          a git history as events, and what can be done with them
  headwater load --stream Account/42 --json    one stream
  headwater <command> --help                   more on a command`,
  );

for (const command of [
  serveCommand(),
  migrateCommand(),
  appendCommand(),
  loadCommand(),
  tailCommand(),
  tourCommand(),
  configCommand(),
])
  program.addCommand(command);
for (const command of [program, ...program.commands]) command.exitOverride().showSuggestionAfterError();

let writes = false;
program.hook('preAction', (_, command) => {
  writes = ['append', 'tour'].includes(command.name());
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof InterruptedError) {
    process.exitCode = EXIT.interrupted;
  } else {
    // Commander has said what is wrong already.
    if (!(error instanceof CommanderError)) process.stderr.write(`headwater: ${explain(error, writes)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
