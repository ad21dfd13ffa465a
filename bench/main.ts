import { readOptions } from './options.js';
import { resultAsText } from './print.js';
import { progress, secondsSoFar } from './progress.js';
import type { Result } from './result.js';
import type { Measurement, Row } from './row.js';
import { authentication } from './rows/authentication.js';
import { batchAppend } from './rows/batch-append.js';
import { checkpoints } from './rows/checkpoints.js';
import { commands } from './rows/commands.js';
import { concurrentUnaryAppend } from './rows/concurrent-unary-append.js';
import { conditionalAppend } from './rows/conditional-append.js';
import { contention } from './rows/contention.js';
import { growth } from './rows/growth.js';
import { hotStreams } from './rows/hot-streams.js';
import { instances } from './rows/instances.js';
import { liveSubscribers } from './rows/live-subscribers.js';
import { load } from './rows/load.js';
import { mixed } from './rows/mixed.js';
import { peerMeasurements } from './rows/peers.js';
import { pipelinedAppend } from './rows/pipelined-append.js';
import { sequentialAppend } from './rows/sequential-append.js';
import { start } from './rows/start.js';
import { streamLoad } from './rows/stream-load.js';
import { typeLoad } from './rows/type-load.js';
import { settle } from './settle.js';
import { openStage, type Stage } from './stage.js';

// `npm run bench`: how fast we are beside what Postgres and grpc-js allow. No ratio makes it fail.

// Load comes late, since it needs a log that the others have begun to fill; what commands write is not what it is to read.
const MEASUREMENTS: readonly Measurement[] = [
  pipelinedAppend,
  concurrentUnaryAppend,
  sequentialAppend,
  batchAppend,
  load,
  liveSubscribers,
  commands,
  growth,
  contention,
  start,
  hotStreams,
  conditionalAppend,
  streamLoad,
  typeLoad,
  mixed,
  checkpoints,
  instances,
  authentication,
  ...peerMeasurements,
];

const options = readOptions(process.argv.slice(2));

progress('starting Postgres and the service');
const opening = openStage(options);
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    interrupted = true;
    progress('interrupted, cleaning up');
    void opening.then((stage) => stage.close()).finally(() => process.exit(130));
  });

try {
  const result = await measure(await opening);
  process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : resultAsText(result));
} catch (error) {
  // What was cut off fails, and nobody asks why.
  if (!interrupted) throw error;
}

async function measure(stage: Stage): Promise<Result> {
  try {
    const rows: Row[] = [];
    for (const measurement of MEASUREMENTS)
      if (options.only.includes(measurement.id)) {
        const refused = await settle(stage);
        progress(`measuring ${measurement.id}${refused === undefined ? '' : ` (not settled: ${refused})`}`);
        rows.push(...(await measurement.measure(stage, options)));
      }
    progress('cleaning up');
    const service = await stage.close();
    return {
      machine: stage.machine,
      postgres: { version: stage.postgres.version, settings: stage.postgres.settings },
      mode: options.quick ? 'quick' : 'full',
      rows,
      ...(service ? { service } : {}),
      seconds: secondsSoFar(),
    };
  } finally {
    await stage.close();
  }
}
