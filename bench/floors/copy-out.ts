import { finished } from 'node:stream/promises';
import type pg from 'pg';
import { type CopyToStreamQuery, to } from 'pg-copy-streams';

/** What Load answers with. */
const COLUMNS =
  'position, aggregate_type, aggregate_id, version, event_id, event_type, data, content_type, metadata, tags, ' +
  'schema_version, recorded_at';

/** The log's first events by binary COPY. */
export function copyStream(client: pg.Client, schema: string, events: number): CopyToStreamQuery {
  return client.query(
    to(
      `COPY (SELECT ${COLUMNS} FROM "${schema}".events WHERE position <= ${events}) TO STDOUT (FORMAT binary)`,
    ),
  );
}

/** Reads the log's first events by binary COPY and throws them away; answers how many. */
export async function copyOut(client: pg.Client, schema: string, events: number): Promise<number> {
  const stream = copyStream(client, schema, events);
  stream.resume();
  await finished(stream);
  return stream.rowCount;
}

/** The same of all events of an aggregate type, in their order. */
export async function copyType(client: pg.Client, schema: string, aggregateType: string): Promise<number> {
  const stream = client.query(
    to(
      `COPY (SELECT ${COLUMNS} FROM "${schema}".events WHERE aggregate_type = '${aggregateType}' ORDER BY position)
         TO STDOUT (FORMAT binary)`,
    ),
  );
  stream.resume();
  await finished(stream);
  return stream.rowCount;
}
