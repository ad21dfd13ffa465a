import { existsSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { environment } from '../config.js';
import type { EventStore } from '../core/event-store.js';
import type { Limits } from '../core/limits.js';
import { systemRuntime } from '../system.js';
import { busiestFiles } from '../tour/busiest-files.js';
import { fileHistory } from '../tour/file-history.js';
import { countCommits } from '../tour/git-history.js';
import { importHistory, type ImportSummary } from '../tour/import-history.js';
import { liveAppend } from '../tour/live-append.js';
import { staleAppend } from '../tour/stale-append.js';
import { addNamespaceOption, address, InterruptedError, namespaceOf } from './connection-options.js';
import { eventToJson } from './event-json.js';
import { UsageError } from './exit-codes.js';
import { Output } from './output.js';
import { barProgress, type Progress } from './progress.js';
import { plainTable } from './table.js';
import { shortTime } from './time.js';
import { openTourService } from './tour-service.js';

interface TourFlags {
  readonly repo?: string;
  readonly address?: string;
  readonly namespace?: string;
  readonly data?: string;
  readonly top: string;
  readonly json?: boolean;
}

/** `headwater tour`: a git history as events, and what can be done with them. */
export function tourCommand(): Command {
  const command = new Command('tour')
    .description('append the history of a git repository as events, and show what the store can do with them')
    .option('--repo <folder>', 'the repository (default: the one that this folder stands in)')
    .option(
      '-a, --address <host:port>',
      'the service (default: the one at 127.0.0.1:50051 if it answers, else one of its own)',
      address,
    )
    .option('--data <folder>', 'where a service of its own keeps its data (default: .headwater)')
    .option('--top <n>', 'how many busy files to show', '5')
    .option('--json', 'print the findings as JSON');
  return addNamespaceOption(command)
    .addHelpText(
      'after',
      `
A stream for each file (created, changed with lines added and removed, renamed, deleted) and each author; one atomic append
for each commit over all streams that it touches, with exact expected versions; event ids made from the commit, so that a
second tour adds nothing and a longer history only what is new. If no service runs, one is started for the tour.

Examples:
  headwater tour
  headwater tour --repo ../linux --top 20
  headwater tour --address db.internal:50051 --json`,
    )
    .action(async (flags: TourFlags) => {
      const interrupt = new AbortController();
      const onSignal = () => {
        if (interrupt.signal.aborted) process.exit(130);
        interrupt.abort(new InterruptedError());
      };
      process.on('SIGINT', onSignal);
      process.on('SIGTERM', onSignal);
      const namespace = namespaceOf(flags);
      const top = Number(flags.top);
      if (!Number.isInteger(top) || top < 1 || top > 1000)
        throw new UsageError(`--top ${flags.top} is not a whole number from 1 to 1000`);
      const repository = repositoryFrom(flags.repo);
      // Before anything is started for it.
      await countCommits({ repository, signal: interrupt.signal });
      const service = await openTourService(
        flags.address ?? (environment()['HEADWATER_ADDRESS'] || undefined),
        { data: flags.data, namespace },
      );
      try {
        const { eventStore } = service.connection;
        const { limits } = await service.connection.info();
        const tour = { store: eventStore, signal: interrupt.signal, top, output: new Output() };
        if (!flags.json) await tour.output.line(`The history of ${repository} goes to ${service.where}`);
        const summary = await importWithProgress(tour, repository, limits, flags.json ?? false);
        await show(tour, summary, flags.json ?? false);
      } finally {
        await service.close();
      }
    });
}

interface Tour {
  readonly store: EventStore;
  readonly signal: AbortSignal;
  readonly top: number;
  readonly output: Output;
}

/** `--repo`, or the nearest folder upwards that holds a `.git`. */
function repositoryFrom(given: string | undefined): string {
  if (given !== undefined) return path.resolve(given);
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, '.git'))) return folder;
    if (folder === path.dirname(folder))
      throw new UsageError('No git repository is here: name one with --repo');
  }
}

async function importWithProgress(
  { store, signal, output }: Tour,
  repository: string,
  limits: Limits,
  quiet: boolean,
): Promise<ImportSummary> {
  let progress: Progress | undefined;
  let told = 0;
  const summary = await importHistory({
    store,
    repository,
    runtime: systemRuntime,
    signal,
    limits,
    onProgress: ({ commitsTotal, commitsDone, eventsPerSecond }) => {
      progress ??= barProgress(commitsTotal, 'commits');
      progress.note(`${Math.round(eventsPerSecond)} events/s`);
      progress.add(commitsDone - told);
      told = commitsDone;
    },
    onSplit: ({ hash, appends }) => {
      if (!quiet)
        process.stderr.write(
          `Commit ${hash.slice(0, 12)} is over the limits of one append: split into ${appends}\n`,
        );
    },
  }).finally(() => progress?.stop());
  if (!quiet)
    await output.line(
      `${summary.commitsAdded} of ${summary.commitsTotal} commits were new: ${summary.eventsAppended} events appended in ` +
        `${(summary.elapsedMilliseconds / 1000).toFixed(1)} s, ${Math.round(summary.eventsPerSecond)} events/s` +
        (summary.commitsSplit > 0 ? `; ${summary.commitsSplit} commits were over the limits and split` : ''),
    );
  return summary;
}

async function show(tour: Tour, summary: ImportSummary, json: boolean): Promise<void> {
  const { store, signal, top, output } = tour;
  const busiest = await busiestFiles({ store, key: summary.key, limit: top, signal });
  const live = await liveAppend({ store, runtime: systemRuntime, signal });
  const [first] = busiest.files;
  const history = first && (await fileHistory({ store, stream: first.stream, limit: 5, signal }));
  const stale = first && (await staleAppend({ store, stream: first.stream, signal }));
  if (json) {
    const { key: _, ...counts } = summary;
    await output.line(
      JSON.stringify({
        import: counts,
        busiestFiles: busiest.files.map(({ stream: _stream, ...file }) => file),
        distinctFiles: busiest.distinctFiles,
        fileHistory: history?.events.map(({ event }) => eventToJson(event)) ?? [],
        live: {
          appendMilliseconds: live.appendMilliseconds,
          deliveryMilliseconds: live.deliveryMilliseconds,
        },
        stale: stale?.error.message ?? null,
      }),
    );
    return;
  }
  await output.line(
    `\nThe busiest of ${busiest.distinctFiles} files, by a fold over all ${busiest.eventsRead} events of the log:`,
  );
  await output.line(
    plainTable(
      ['events', 'added', 'removed', 'path'],
      busiest.files.map((file) => [file.events, file.linesAdded, file.linesRemoved, file.path].map(String)),
    ),
  );
  if (history && first) {
    await output.line(
      `\nThe last events of ${first.path}, by Load of its stream, which is at version ${history.version}:`,
    );
    await output.line(
      plainTable(
        ['version', 'event', 'added', 'removed', 'recorded at', 'commit'],
        history.events.map(({ event, data }) => [
          String(event.version),
          event.eventType,
          String(data?.linesAdded ?? ''),
          String(data?.linesRemoved ?? ''),
          shortTime(event.recordedAt),
          (event.metadata['correlation_id'] ?? '').slice(0, 12),
        ]),
      ),
    );
  }
  await output.line(
    `\nA live Subscribe saw a new append at position ${live.event.position} ${live.deliveryMilliseconds.toFixed(1)} ms ` +
      `after it was sent (its answer took ${live.appendMilliseconds.toFixed(1)} ms)`,
  );
  if (stale)
    await output.line(`\nA stale append was refused: ${stale.error.message} (${stale.error.reason})`);
}
