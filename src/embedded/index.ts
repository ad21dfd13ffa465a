export { EmbeddedPostgresError, type EmbeddedPostgresReason } from './embedded-postgres-error.js';
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './start-embedded-postgres.js';
export { type KeepRunningOptions, keepEmbeddedPostgresRunning, type KeptPostgres } from './keep-running.js';
export type { ProcessExit } from './watched-process.js';
