import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { connectAsExporter } from '../../examples/access/client.js';
import { loadConfig } from '../../src/config.js';
import { silentLogger } from '../../src/core/logger.js';
import { makeFirstToken } from '../../src/first-token.js';
import { serve } from '../server/service.js';
import { makeAuthority } from '../support/certificates.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName } from '../support/test-database.js';
import { shownButNotIn } from './shown.js';

it('the client of docs/security.md is let in by its token, and takes the next one from its file', async () => {
  const authority = makeAuthority();
  const folder = mkdtempSync(path.join(tmpdir(), 'access-client-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
    authority.close();
  });
  copyFileSync(authority.certFile, path.join(folder, 'service.pem'));
  const { certFile: tlsCert, keyFile: tlsKey } = authority.issue();
  const databaseUrl = urlOf(inject('connection'));
  const accessNamespace = newSchemaName();
  const { config } = loadConfig({ databaseUrl, accessNamespace }, undefined, {});
  const tokenFor = async (role: string) => {
    const bindings = [{ role, scope: 'namespace' }];
    const token = { name: 'nightly export', principal: 'exporter', bindings, validForMs: 60_000 };
    const { secret } = await makeFirstToken(config, silentLogger, token);
    writeFileSync(path.join(folder, 'exporter.token'), `${secret}\n`);
  };
  const accessFile = path.resolve(import.meta.dirname, '../../examples/access/access.json');
  const settings = { namespace: newSchemaName(), accessNamespace, accessFile, tlsCert, tlsKey };
  const { service } = await serve(databaseUrl, settings);

  await tokenFor('nobody');
  const { close, eventStore } = await connectAsExporter(service.grpcAddress, folder);
  onTestFinished(() => close());
  await expect(eventStore.countEvents()).rejects.toMatchObject({ reason: 'POLICY_DENIED' });
  await tokenFor('reader');
  expect(await eventStore.countEvents()).toMatchObject({ count: 0n });
});

it('docs/security.md shows no code that is not tested', () => {
  expect(shownButNotIn('docs/security.md', ['examples/access/client.ts'])).toEqual([]);
});
