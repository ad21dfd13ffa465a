import { Command } from 'commander';
import { silentLogger } from '../core/logger.js';
import { StoreUnavailableError } from '../core/errors.js';
import { systemRuntime } from '../system.js';
import { consume } from '../subscriptions/consume.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { EventPrinter } from './event-printer.js';
import { Output } from './output.js';
import { positive } from './selection-options.js';

interface ConsumeFlags extends ConnectionFlags {
  readonly count?: bigint;
  readonly park?: boolean;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

export function groupConsumeCommand(): Command {
  return addConnectionOptions(new Command('consume').argument('<name>', 'the name of the group'))
    .description('join a group, print what is delivered and ack it, until Ctrl-C; for trying out')
    .option('--count <n>', 'end after so many events', positive)
    .option('--park', 'park each event instead of acking it')
    .option('--json', 'the same as --ndjson: a list would never end')
    .option('--ndjson', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
What it prints is done for the group: no other member gets it. One event is printed at a time, in the order of its stream.

Examples:
  headwater group consume mailer --count 1
  headwater group consume mailer --park --count 1`,
    )
    .action(async (group: string, flags: ConsumeFlags) => {
      await withConnection(flags, async ({ consumerGroups }, signal) => {
        const output = new Output();
        const printer = new EventPrinter(output, flags.ndjson || flags.json ? 'ndjson' : 'table', {
          live: true,
        });
        const consumer = consume(consumerGroups, {
          runtime: systemRuntime,
          group,
          memberName: 'headwater group consume',
          concurrency: 1,
          // So that nothing is delivered beyond the last that is wanted.
          maxInFlight: 1,
          signal,
          logger: silentLogger,
          onTrouble: (error) => {
            const reason = error instanceof Error ? error.message : String(error);
            const told =
              error instanceof StoreUnavailableError ? `The service cannot be reached (${reason})` : reason;
            process.stderr.write(`headwater: ${told}; trying again\n`);
          },
          handle: async (event) => {
            await printer.print([event]);
            const done = flags.count !== undefined && printer.printed >= Number(flags.count);
            // Not awaited: it waits for this event.
            if (done || output.gone) void consumer.stop();
            if (flags.park) throw new ParkedByHand();
          },
          onFailure: ({ error }) => (error instanceof ParkedByHand ? { kind: 'PARK' } : { kind: 'RETRY' }),
        });
        await consumer.ended;
        signal.throwIfAborted();
      });
    });
}

class ParkedByHand extends Error {
  constructor() {
    super('by hand');
    this.name = 'Parked';
  }
}
