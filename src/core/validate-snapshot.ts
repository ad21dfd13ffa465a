import { MAX_BIGINT, MAX_INTEGER } from './limits.js';
import { type NewSnapshot, SNAPSHOT_BYTES } from './snapshot.js';
import type { StreamId } from './stream.js';
import { validateStream } from './validate-append.js';
import { nameProblem, Violations } from './validate.js';

/** Which snapshot is wanted: the newest that fits. */
export interface WantedSnapshot {
  /** @default any */
  readonly upToVersion?: bigint;
  /** @default any */
  readonly schemaVersion?: number;
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateSnapshot(stream: StreamId, snapshot: NewSnapshot): void {
  const violations = new Violations();
  validateStream(stream, 'aggregate', violations);
  const { version, data, contentType, schemaVersion = 1 } = snapshot;
  if (version < 1n || version > MAX_BIGINT)
    violations.add('snapshot.version', `is ${version}, it must be from 1 to ${MAX_BIGINT}`);
  if (data.byteLength > SNAPSHOT_BYTES)
    violations.add('snapshot.data', `is ${data.byteLength} bytes long, the limit is ${SNAPSHOT_BYTES}`);
  const problem = nameProblem(contentType);
  if (problem !== undefined) violations.add('snapshot.content_type', problem);
  schema(schemaVersion, 'snapshot.schema_version', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateWantedSnapshot(stream: StreamId, wanted: WantedSnapshot): void {
  const violations = new Violations();
  validateStream(stream, 'aggregate', violations);
  const { upToVersion, schemaVersion } = wanted;
  if (upToVersion !== undefined && (upToVersion < 1n || upToVersion > MAX_BIGINT))
    violations.add('up_to_version', `is ${upToVersion}, it must be from 1 to ${MAX_BIGINT}`);
  if (schemaVersion !== undefined) schema(schemaVersion, 'schema_version', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` for what cannot be a command's id. */
export function validateCommandId(commandId: string): void {
  const violations = new Violations();
  const problem = nameProblem(commandId);
  if (problem !== undefined) violations.add('command_id', problem);
  violations.throwIfAny();
}

function schema(version: number, path: string, violations: Violations): void {
  if (!(Number.isInteger(version) && version >= 1 && version <= MAX_INTEGER))
    violations.add(path, `is ${version}, it must be from 1 to ${MAX_INTEGER}`);
}
