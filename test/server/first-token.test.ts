import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { loadConfig } from '../../src/config.js';
import { silentLogger } from '../../src/core/logger.js';
import { makeFirstToken } from '../../src/first-token.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName } from '../support/test-database.js';
import { serve } from './service.js';

it('whoever holds the database makes a token that a service which runs knows within moments', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'first-token-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const accessFile = path.join(folder, 'access.json');
  writeFileSync(
    accessFile,
    JSON.stringify({ rules: [{ name: 'admins', roles: ['admin'], actions: ['*'] }] }),
  );
  const databaseUrl = urlOf(inject('connection'));
  const accessNamespace = newSchemaName();
  const { service } = await serve(databaseUrl, {
    namespace: newSchemaName(),
    accessNamespace,
    accessFile,
  });

  const { config } = loadConfig({ databaseUrl, accessNamespace }, undefined, {});
  const { secret, token } = await makeFirstToken(config, silentLogger, {
    name: 'first token',
    principal: 'root',
    bindings: [{ role: 'admin', scope: 'system' }],
    validForMs: 60_000,
  });

  expect(token).toMatchObject({ principal: 'root', createdBy: 'database', revokedAt: undefined });
  const connection = connect({ address: service.grpcAddress, token: secret, timeoutMs: 20_000 });
  onTestFinished(() => connection.close());
  await expect
    .poll(() => connection.access.listTokens().catch(() => undefined), { timeout: 20_000 })
    .toEqual({ tokens: [token], nextPageToken: undefined });
});
