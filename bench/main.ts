import { readOptions } from './options.js';
import type { Measurement } from './row.js';
import { authentication } from './rows/authentication.js';
import { batchAppend } from './rows/batch-append.js';
import { checkpoints } from './rows/checkpoints.js';
import { commands } from './rows/commands.js';
import { concurrentUnaryAppend } from './rows/concurrent-unary-append.js';
import { conditionalAppend } from './rows/conditional-append.js';
import { contention } from './rows/contention.js';
import { decode } from './rows/decode.js';
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
import { run } from './run.js';

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
  decode,
  mixed,
  checkpoints,
  instances,
  authentication,
  ...peerMeasurements,
];

try {
  process.exitCode = await run(readOptions(process.argv.slice(2)), MEASUREMENTS);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
