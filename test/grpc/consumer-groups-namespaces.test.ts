import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { NamespaceNotFoundError } from '../../src/core/errors.js';
import { GroupNotFoundError } from '../../src/core/follower-errors.js';
import { withNamespaceMiddleware } from '../../src/grpc/middleware-namespaces.js';
import type { Database } from '../../src/postgres/database.js';
import type { PostgresNamespaces } from '../../src/postgres/namespaces.js';
import { namespacesOn } from '../support/namespaces.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';
import { startService, storeThat } from './service.js';

let database: Database;
let namespaces: PostgresNamespaces;
const schemas = { own: newSchemaName(), other: newSchemaName() };
beforeAll(async () => {
  database = openDatabase();
  namespaces = namespacesOn(database, { default: schemas.own });
  await namespaces.start();
});
afterAll(async () => {
  await namespaces.stop();
  await database.query('append', `DROP SCHEMA "${schemas.own}" CASCADE`, []);
  await database.close();
});

it('groups belong to their namespace, see it through its middleware, and end with it', async () => {
  const served = withNamespaceMiddleware(
    namespaces,
    (namespace) => [
      {
        name: 'stamp',
        onLoad: (event) => ({ ...event, metadata: { namespace } }),
      },
    ],
    {},
  );
  const { address } = await startService(storeThat({}), { namespaces: served });
  const connection = connect({ address });
  onTestFinished(() => connection.close());
  await connection.namespaces.create(schemas.other);
  const other = connection.namespace(schemas.other);
  await other.consumerGroups.create({ name: 'mailer' });
  await expect(connection.consumerGroups.get('mailer')).rejects.toEqual(new GroupNotFoundError('mailer'));
  const stream = { aggregateType: 'Account', aggregateId: '1' };
  const opened = { eventType: 'Opened', data: Buffer.from('{}') };
  await other.eventStore.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events: [opened] }] });
  const membership = await other.consumerGroups.join({ group: 'mailer' });
  const messages = membership.messages[Symbol.asyncIterator]();
  const { value } = await messages.next();
  expect(value).toMatchObject({
    kind: 'DELIVER',
    deliveries: [{ events: [{ eventType: 'Opened', metadata: { namespace: schemas.other } }] }],
  });
  await connection.namespaces.drop(schemas.other, { confirm: schemas.other });
  await expect(messages.next()).rejects.toEqual(new NamespaceNotFoundError(schemas.other));
  await expect(other.consumerGroups.get('mailer')).rejects.toEqual(new NamespaceNotFoundError(schemas.other));
});
