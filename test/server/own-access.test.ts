import { expect, inject, it, onTestFinished } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { loadConfig } from '../../src/config.js';
import { silentLogger } from '../../src/core/logger.js';
import { type AccessControl, decideAccess, type Plan, UnauthenticatedError } from '../../src/index.js';
import { newEvent, to } from '../../src/testing/builders.js';
import { startService } from '../../src/server.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName } from '../support/test-database.js';

const settings = () =>
  loadConfig(
    {
      databaseUrl: urlOf(inject('connection')),
      namespace: newSchemaName(),
      grpcPort: 0,
      httpPort: 0,
      drainTimeoutMs: 1000,
    },
    undefined,
    {},
  ).config;

/** As an application would that knows its callers by keys of its own. */
const byKey: AccessControl = {
  authenticate: ({ header }) => {
    const [key] = header('x-api-key');
    if (key !== 'let-me-in') throw new UnauthenticatedError('The key is none of ours');
    return { kind: 'USER', id: 'ada', bindings: [{ role: 'writer', scope: 'app' }] };
  },
  again: (principal) => principal,
  decide: (plan) => ruled(plan),
  would: (plan) => ruled(plan),
  onChange: () => () => undefined,
};
const ruled = (plan: Plan) =>
  decideAccess([{ name: 'writers', roles: ['writer'], actions: ['append'] }], plan);

it("an application's own access control is asked about every call", async () => {
  const service = await startService(settings(), silentLogger, { access: byKey });
  const connection = connect({ address: service.grpcAddress, timeoutMs: 20_000 });
  onTestFinished(async () => {
    connection.close();
    await service.stop();
  });
  const append = connection.eventStore.append({
    streams: [to({ aggregateType: 'Order', aggregateId: '1' }, 'ANY', newEvent())],
  });
  await expect(append).rejects.toMatchObject({
    reason: 'UNAUTHENTICATED',
    message: 'The key is none of ours',
  });
  await expect(connection.access.listTokens()).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
});

it('is refused beside an access file, and lets other machines in', async () => {
  const both = startService({ ...settings(), accessFile: 'access.json' }, silentLogger, { access: byKey });
  await expect(both).rejects.toThrow(
    '--access-file and an access control of the application contradict each other: leave one out',
  );
  const service = await startService({ ...settings(), grpcHost: '0.0.0.0' }, silentLogger, {
    access: byKey,
  });
  await service.stop();
});
