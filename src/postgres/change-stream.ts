import { hash } from 'node:crypto';
import {
  EventIdReusedError,
  type HeadwaterError,
  InvalidRequestError,
  StreamDeletedError,
  StreamNotDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '../core/errors.js';
import type { StreamChange, StreamChanged } from '../core/stream-changes.js';
import { SYSTEM_EVENT_TYPE, systemEventData } from '../core/system-events.js';
import { expectedNumber } from './append.js';
import type { Database, Row } from './database.js';
import { quotedSchema } from './schema.js';
import { sqlstateOf } from './sqlstate.js';

/** A change, valid and with the id of its event. */
export type IdentifiedChange = StreamChange & { readonly eventId: string };

/** How often it is tried, when the server undoes it in favour of others. */
const ATTEMPTS = 5;

/** Makes the change in one statement; resolves when it is committed, or with why it was refused. */
export async function changeStream(
  database: Database,
  schema: string,
  change: IdentifiedChange,
): Promise<StreamChanged | HeadwaterError> {
  for (let attempt = 1; ; attempt++)
    try {
      return await tryToChange(database, schema, change);
    } catch (error) {
      // The sweep locks a stream's events and then the stream; a change locks the stream, and then what it empties.
      if (sqlstateOf(error) !== '40P01' || attempt === ATTEMPTS) throw error;
    }
}

async function tryToChange(
  database: Database,
  schema: string,
  change: IdentifiedChange,
): Promise<StreamChanged | HeadwaterError> {
  const data = systemEventData(change);
  const retention = change.kind === 'SET_RETENTION' ? change.retention : {};
  const ranges = change.kind === 'ERASE_EVENTS' ? change.versions : [];
  const [row] = await database.query(
    'append',
    `SELECT verdict, version, at_position, (extract(epoch FROM recorded_at) * 1000000)::bigint, epoch, detail
       FROM ${quotedSchema(schema)}.change_stream($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      change.kind,
      change.stream.aggregateType,
      change.stream.aggregateId,
      String(expectedNumber(change.expectedVersion)),
      change.eventId,
      SYSTEM_EVENT_TYPE[change.kind],
      data,
      hash('sha256', data, 'buffer'),
      JSON.stringify(change.metadata ?? {}),
      change.kind === 'TRUNCATE' ? String(change.beforeVersion) : null,
      retention.maxAge === undefined ? null : String(retention.maxAge),
      retention.maxCount === undefined ? null : String(retention.maxCount),
      ranges.map(({ first }) => String(first)),
      ranges.map(({ last }) => String(last)),
    ],
  );
  if (row === undefined) throw new Error('The function change_stream gave no row');
  return answer(change, row);
}

function answer(change: IdentifiedChange, row: Row): StreamChanged | HeadwaterError {
  const [verdict, versionText, position, recordedAt, epoch, detail] = row;
  const { stream } = change;
  const version = BigInt(versionText ?? 0);
  switch (verdict) {
    case 'A':
    case 'D':
      return {
        stream,
        version,
        position: BigInt(position ?? 0),
        epoch: BigInt(epoch ?? 0),
        eventId: change.eventId,
        recordedAt: BigInt(recordedAt ?? 0),
        deduplicated: verdict === 'D',
      };
    case 'X': {
      const { reused } = JSON.parse(detail ?? '{}') as { reused: { event_id: string; position: string } };
      return new EventIdReusedError(reused.event_id, BigInt(reused.position));
    }
    case 'N':
      return new StreamNotFoundError(stream);
    case 'G':
      return new StreamDeletedError(stream);
    case 'L':
      return new StreamNotDeletedError(stream);
    case 'R':
      return new WrongExpectedVersionError([{ stream, expected: change.expectedVersion, actual: version }]);
    case 'B':
      return beyond(change, version);
    default:
      throw new Error(`The function change_stream gave the verdict ${JSON.stringify(verdict)}`);
  }
}

function beyond(change: IdentifiedChange, version: bigint): InvalidRequestError {
  if (change.kind !== 'ERASE_EVENTS')
    return new InvalidRequestError([
      {
        field: 'before_version',
        description: `is ${change.kind === 'TRUNCATE' ? change.beforeVersion : ''}, and the stream is at version ${version}: at most one above`,
      },
    ]);
  const index = change.versions.findIndex(({ last }) => last > version);
  return new InvalidRequestError([
    {
      field: `versions[${index}]`,
      description: `ends at ${change.versions[index]?.last}, and the stream is at version ${version}`,
    },
  ]);
}
