import { Command } from 'commander';
import type { StreamInfo } from '../core/stream.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { Output } from './output.js';
import { describeRetention } from './retention.js';
import { addStreamArgument, nameOf, streamOf } from './stream-argument.js';
import { streamToJson } from './stream-json.js';
import { isoTime } from './time.js';

interface StreamFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** `headwater stream`: what is known about one. */
export function streamCommand(): Command {
  const command = new Command('stream')
    .description('tell about one stream, deleted or not: versions, times, what it keeps')
    .option('--json', 'print as JSON');
  return addConnectionOptions(addStreamArgument(command))
    .addHelpText(
      'after',
      `
Its events are printed by "headwater load --stream Account/42".

Examples:
  headwater stream Account 42
  headwater stream Account/42 --json`,
    )
    .action(async (type: string, id: string | undefined, flags: StreamFlags) => {
      const stream = streamOf(type, id);
      await withConnection(flags, async ({ eventStore }, signal) => {
        const info = await eventStore.getStream(stream, { signal });
        await new Output().line(flags.json ? JSON.stringify(streamToJson(info)) : describe(info));
      });
    });
}

function describe(info: StreamInfo): string {
  const shown =
    info.firstVersion > info.version
      ? `none (it begins at ${info.firstVersion})`
      : `${info.firstVersion} to ${info.version}`;
  return [
    ['stream', nameOf(info.stream)],
    ['version', String(info.version)],
    ['shows', shown],
    ['created', isoTime(info.createdAt)],
    ['updated', isoTime(info.updatedAt)],
    ['deleted', info.deletedAt === undefined ? 'no' : isoTime(info.deletedAt)],
    ['keeps', describeRetention(info.retention)],
    ...(info.erasing === 0n ? [] : [['erasing', `${info.erasing} versions are still to be emptied`]]),
  ]
    .map(([name = '', value]) => `${name.padEnd(9)}${value}`)
    .join('\n');
}
