import { Command } from 'commander';
import type { EventStore } from '../core/event-store.js';
import type { Filter, Range } from '../core/filter.js';
import { eventsOf, type LoadRequest } from '../core/load.js';
import { isSystemEventType } from '../core/system-events.js';
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
import { Output } from './output.js';
import { addStreamArgument, nameOf, streamOf } from './stream-argument.js';
import { describeVersions, versionRangesFrom } from './version-ranges.js';
import { watchedErasure } from './watched-erasure.js';

interface EraseFlags extends FinalChangeFlags {
  readonly versions?: string;
}

/** `headwater erase`: empties a stream, or some of its events. */
export function eraseCommand(): Command {
  const command = new Command('erase')
    .description('empty all events of a stream and delete it, or empty some of its events, for good')
    .option('--versions <list>', 'only these versions, as 3-5,9; the stream stays');
  return addFinalChangeOptions(addStreamArgument(command))
    .addHelpText(
      'after',
      `${CHANGE_HELP}${FINAL_HELP}
Positions, versions, types and times stay, so that nobody's count is upset; data, metadata and tags are gone.

Examples:
  headwater erase Account 42
  headwater erase Account/42 --versions 3-5,9 --yes --metadata reason=request-118`,
    )
    .action(async (type: string, id: string | undefined, flags: EraseFlags) => {
      const stream = streamOf(type, id);
      const ranges = flags.versions === undefined ? undefined : versionRangesFrom(flags.versions);
      await withConnection(flags, async ({ eventStore }, signal) => {
        const request = changeRequest(await eventStore.getStream(stream, { signal }), flags);
        const scope = { kind: 'STREAM' as const, stream };
        const { count, exact } = await withData(
          eventStore,
          { scope, filters: filtersOf(ranges), includeDeleted: true },
          signal,
        );
        const some = `${exact ? '' : 'up to '}${events(count)}`;
        const name = nameOf(stream);
        await confirm({
          loss: ranges
            ? `${name} will lose what is in ${some}, version ${describeVersions(ranges)}, for good`
            : `${name} will be deleted, and lose what is in its ${some}, for good`,
          word: stream.aggregateId,
          yes: flags.yes ?? false,
          json: flags.json ?? false,
          signal,
        });
        const changed = ranges
          ? await eventStore.eraseEvents({ ...request, versions: ranges }, { signal })
          : await watchedErasure(
              eventStore,
              { ...request, eventId: request.eventId ?? systemRuntime.newEventId() },
              signal,
            );
        await printChanged(new Output(), changed, {
          what: 'erased',
          note: `Emptied ${some}. ${COPIES_STAY}`,
          json: flags.json ?? false,
        });
      });
    });
}

/** Streams with more events than that are not read to count them. */
const COUNTED = 10_000n;

/** How many events an erasure would empty: those that are empty already, and the store's own, it leaves as they are. */
async function withData(
  eventStore: EventStore,
  request: LoadRequest,
  signal: AbortSignal,
): Promise<{ readonly count: bigint; readonly exact: boolean }> {
  const { count: most } = await eventStore.countEvents(request, { signal });
  if (most > COUNTED) return { count: most, exact: false };
  let count = 0n;
  for await (const { erased, eventType } of eventsOf(eventStore.load(request, { signal })))
    if (!erased && !isSystemEventType(eventType)) count += 1n;
  return { count, exact: true };
}

function filtersOf(ranges: readonly Required<Range<bigint>>[] | undefined): readonly Filter[] {
  return (ranges ?? []).map((versions) => ({ versions }));
}
