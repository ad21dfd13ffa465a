import { Command } from 'commander';
import type { EventStore } from '../core/event-store.js';
import type { Retention, StreamId } from '../core/stream.js';
import { SYSTEM_EVENT_TYPE } from '../core/system-events.js';
import { systemRuntime } from '../system.js';
import {
  addFinalChangeOptions,
  CHANGE_HELP,
  changeRequest,
  COPIES_STAY,
  events,
  FINAL_HELP,
  type FinalChangeFlags,
  printChanged,
} from './change-options.js';
import { confirm } from './confirm.js';
import { withConnection } from './connection-options.js';
import { describeDuration, durationFrom } from './duration.js';
import { UsageError } from './exit-codes.js';
import { Output } from './output.js';
import { positive } from './selection-options.js';
import { addStreamArgument, nameOf, streamOf } from './stream-argument.js';

interface RetentionFlags extends FinalChangeFlags {
  readonly maxAge?: string;
  readonly maxCount?: bigint;
  readonly clear?: boolean;
}

/** `headwater retention`: what a stream keeps. */
export function retentionCommand(): Command {
  const command = new Command('retention')
    .description('set or lift what a stream keeps; older events are emptied for good')
    .option('--max-age <duration>', 'keep events for so long: 90s, 30m, 12h, 30d, 2w, 1y')
    .option('--max-count <n>', 'keep so many of the newest events', positive)
    .option('--clear', 'keep everything from now on');
  return addFinalChangeOptions(addStreamArgument(command))
    .addHelpText(
      'after',
      `${CHANGE_HELP}${FINAL_HELP}
What is said replaces what was set before: a limit that is left out is lifted. --clear does not ask.

Examples:
  headwater retention Session 42 --max-age 30d
  headwater retention Session/42 --max-age 1y --max-count 1000 --yes
  headwater retention Session/42 --clear`,
    )
    .action(async (type: string, id: string | undefined, flags: RetentionFlags) => {
      const stream = streamOf(type, id);
      const retention = retentionFrom(flags);
      await withConnection(flags, async ({ eventStore }, signal) => {
        const request = changeRequest(await eventStore.getStream(stream, { signal }), flags);
        if (!flags.clear) {
          const count = await lossOf(eventStore, stream, retention, signal);
          await confirm({
            loss:
              `${nameOf(stream)} will keep ${describeRetention(retention)}; ${events(count)} of those there are ` +
              'and, in time, whatever falls out will be emptied for good',
            word: stream.aggregateId,
            yes: flags.yes ?? false,
            json: flags.json ?? false,
            signal,
          });
        }
        const changed = await eventStore.setRetention({ ...request, retention }, { signal });
        await printChanged(new Output(), changed, {
          what: `keeps ${describeRetention(retention)}`,
          ...(flags.clear ? {} : { note: COPIES_STAY }),
          json: flags.json ?? false,
        });
      });
    });
}

function retentionFrom(flags: RetentionFlags): Retention {
  const { maxAge, maxCount, clear } = flags;
  if (maxAge === undefined && maxCount === undefined) {
    if (clear) return {};
    throw new UsageError(
      'Say --max-age, --max-count or --clear ("headwater stream" shows what is set), as --max-age 30d',
    );
  }
  if (clear) throw new UsageError('--clear lifts the limits, so no limit can stand beside it');
  return {
    ...(maxAge === undefined ? {} : { maxAge: durationFrom(maxAge, '--max-age') }),
    ...(maxCount === undefined ? {} : { maxCount }),
  };
}

/** As `30d, 1000 events`; `everything` without a limit. */
export function describeRetention({ maxAge, maxCount }: Retention): string {
  const limits = [
    ...(maxAge === undefined ? [] : [describeDuration(maxAge)]),
    ...(maxCount === undefined ? [] : [events(maxCount)]),
  ];
  return limits.join(', ') || 'everything';
}

/** How many events that are there now the limits let go; what falls out of either is lost. */
async function lossOf(
  store: EventStore,
  stream: StreamId,
  { maxAge, maxCount }: Retention,
  signal: AbortSignal,
): Promise<bigint> {
  const count = async (filters: Parameters<EventStore['countEvents']>[0] = {}) =>
    (
      await store.countEvents(
        { scope: { kind: 'STREAM', stream }, includeDeleted: true, ...filters },
        { signal },
      )
    ).count;
  const losses = [0n];
  if (maxAge !== undefined)
    losses.push(await count({ filters: [{ recorded: { last: systemRuntime.now() - maxAge } }] }));
  if (maxCount !== undefined) {
    // The store's own events are not counted against the limit.
    const own = await count({ filters: [{ eventTypes: Object.values(SYSTEM_EVENT_TYPE) }] });
    losses.push((await count()) - own - maxCount);
  }
  return losses.reduce((most, one) => (one > most ? one : most));
}
