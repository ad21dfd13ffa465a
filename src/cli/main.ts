import { Command, CommanderError } from 'commander';
import { version } from '../version.js';
import { accessCommand } from './access.js';
import { aggregateCommand } from './aggregate.js';
import { appendCommand } from './append.js';
import { auditCommand } from './audit.js';
import { commandCommand } from './command.js';
import { commandsCommand } from './commands.js';
import { configCommand } from './config.js';
import { InterruptedError } from './connection-options.js';
import { countCommand } from './count.js';
import { deleteCommand } from './delete.js';
import { eraseCommand } from './erase.js';
import { EXIT, EXIT_HELP, exitCodeOf, explain } from './exit-codes.js';
import { groupCommand } from './group.js';
import { loadCommand } from './load.js';
import { logCommand } from './log.js';
import { migrateCommand } from './migrate.js';
import { namespaceCommand } from './namespace.js';
import { policyCommand } from './policy.js';
import { projectionCommand } from './projection.js';
import { relayCommand } from './relay.js';
import { restoreCommand } from './restore.js';
import { retentionCommand } from './retention.js';
import { roleCommand } from './role.js';
import { serveCommand } from './serve.js';
import { streamCommand } from './stream.js';
import { streamsCommand } from './streams.js';
import { tailCommand } from './tail.js';
import { tokenCommand } from './token.js';
import { tourCommand } from './tour.js';
import { truncateCommand } from './truncate.js';
import { typesCommand } from './types.js';

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
  headwater streams Account --prefix 2026-     which streams there are
  headwater command Deposit a-1 '{"amount":5}'  a command, which the domain decides
  headwater <command> --help                   more on a command`,
  );

for (const command of [
  serveCommand(),
  migrateCommand(),
  appendCommand(),
  loadCommand(),
  tailCommand(),
  countCommand(),
  streamsCommand(),
  streamCommand(),
  typesCommand(),
  logCommand(),
  deleteCommand(),
  restoreCommand(),
  truncateCommand(),
  retentionCommand(),
  eraseCommand(),
  commandCommand(),
  commandsCommand(),
  aggregateCommand(),
  policyCommand(),
  groupCommand(),
  projectionCommand(),
  namespaceCommand(),
  tokenCommand(),
  roleCommand(),
  accessCommand(),
  auditCommand(),
  relayCommand(),
  tourCommand(),
  configCommand(),
])
  program.addCommand(command);
for (const command of withAllBelow(program)) command.exitOverride().showSuggestionAfterError();

const WRITES = new Set([
  'append',
  'command',
  'tour',
  'delete',
  'restore',
  'truncate',
  'retention',
  'erase',
  'create',
  'drop',
  'update',
  'replay',
  'reset',
  'pause',
  'resume',
  'stop',
  'rebuild',
  'finish',
  'retry',
  'grant',
  'revoke',
]);
let writes = false;
program.hook('preAction', (_, command) => {
  writes = WRITES.has(command.name());
});
// Whoever reads the messages may leave early, as `head` does.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof InterruptedError) {
    if (error.told !== undefined) process.stderr.write(`headwater: ${error.told}\n`);
    process.exitCode = EXIT.interrupted;
  } else {
    // Commander has said what is wrong already.
    if (!(error instanceof CommanderError)) process.stderr.write(`headwater: ${explain(error, writes)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

/** A command and all its subcommands, however deep. */
function withAllBelow(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withAllBelow)];
}
