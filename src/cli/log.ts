import { Command } from 'commander';
import type { LogInfo } from '../core/stream-list.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { Output } from './output.js';
import { describeBytes } from './size.js';
import { isoTime } from './time.js';

interface LogFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** `headwater log`: the log as a whole. */
export function logCommand(): Command {
  const command = new Command('log')
    .description('tell about the log: its head, epoch, size, oldest and newest event')
    .option('--json', 'print as JSON');
  return addConnectionOptions(command)
    .addHelpText(
      'after',
      `
An epoch is an unbroken life of the log; a new one begins when a fail-over or a restore may have lost its end.

Examples:
  headwater log
  headwater log --json | jq -r .position`,
    )
    .action(async (flags: LogFlags) => {
      await withConnection(flags, async ({ eventStore }, signal) => {
        const log = await eventStore.getLog({ signal });
        await new Output().line(flags.json ? JSON.stringify(toJson(log)) : describe(log));
      });
    });
}

function toJson(log: LogInfo): Record<string, unknown> {
  return {
    position: String(log.position),
    epoch: String(log.epoch),
    bytes: String(log.bytes),
    ...(log.oldest === undefined ? {} : { oldest: isoTime(log.oldest) }),
    ...(log.newest === undefined ? {} : { newest: isoTime(log.newest) }),
    epochs: log.epochs.map(({ epoch, startedAfterPosition }) => ({
      epoch: String(epoch),
      started_after_position: String(startedAfterPosition),
    })),
  };
}

function describe(log: LogInfo): string {
  return [
    ['head', `position ${log.position}`],
    ['epoch', String(log.epoch)],
    ['size', log.bytes === 0n ? 'not known' : describeBytes(log.bytes)],
    ['oldest', log.oldest === undefined ? 'no event yet' : isoTime(log.oldest)],
    ['newest', log.newest === undefined ? 'no event yet' : isoTime(log.newest)],
  ]
    .map(([name = '', value]) => `${name.padEnd(8)}${value}`)
    .join('\n');
}
