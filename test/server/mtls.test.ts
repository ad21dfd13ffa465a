import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConnectOptions } from '../../src/client/connect.js';
import { type Authority, type Certificate, makeAuthority } from '../support/certificates.js';
import { type Secured, secured } from './secured.js';

const SOON = { timeout: 20_000, interval: 50 };
const RULES = [
  { name: 'admins', roles: ['admin'], actions: ['*'] },
  { name: 'readers', roles: ['reader'], actions: ['read'] },
];
const READER = [{ role: 'reader', scope: 'system' }];

let services: Authority;
let clients: Authority;
let strangers: Authority;
let byName: Certificate;
let byFingerprint: Certificate;
beforeAll(() => {
  services = makeAuthority('Services');
  clients = makeAuthority('Clients');
  strangers = makeAuthority('Strangers');
  byName = clients.issue({ commonName: 'backup', alternativeNames: '' });
  byFingerprint = clients.issue({ commonName: 'somebody', alternativeNames: '' });
});
afterAll(() => {
  for (const authority of [services, clients, strangers]) authority.close();
});

const fingerprintOf = ({ cert }: Certificate) =>
  new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();

const accessFor = (certificates: readonly object[]) => ({
  rules: RULES,
  principals: { root: [{ role: 'admin', scope: 'system' }], backup: READER },
  certificates,
});

async function asking(certificates: readonly object[]): Promise<Secured> {
  const { certFile: tlsCert, keyFile: tlsKey } = services.issue();
  return secured(accessFor(certificates), { tlsCert, tlsKey, tlsClientCa: clients.certFile });
}

const shown = ({ cert, key }: Certificate): Partial<ConnectOptions> => ({
  tls: { ca: services.cert, cert, key },
  timeoutMs: 20_000,
});

const counted = ({ as }: Secured, options: Partial<ConnectOptions>) =>
  as(options)
    .eventStore.countEvents()
    .then(
      () => 'counted',
      (error: Error & { reason?: string }) => error.reason ?? String(error),
    );

describe('a service that asks clients for certificates', () => {
  it('knows them by common name, alternative names and fingerprint, as the access file says', async () => {
    const all = await asking([
      { match: 'CN=backup' },
      { match: 'DNS:*', principal: 'host-$value', bindings: READER },
      { match: 'URI:spiffe://example/readers/*', bindings: READER },
      { match: `SHA256:${fingerprintOf(byFingerprint)}`, principal: 'printed', bindings: READER },
    ]);
    const issue = (alternativeNames: string) => clients.issue({ commonName: 'nobody', alternativeNames });
    const known = {
      'a common name, with the roles of the principal': byName,
      'a host': issue('DNS:reports.example'),
      'a workload': issue('URI:spiffe://example/readers/7'),
      'the second of its names': issue('IP:127.0.0.1,URI:spiffe://example/readers/8'),
      'a fingerprint': byFingerprint,
    };
    for (const [what, certificate] of Object.entries(known))
      expect(await counted(all, shown(certificate)), what).toBe('counted');
    const unknown = {
      'a name that is not mapped': issue(''),
      'another workload': issue('URI:spiffe://example/writers/7'),
    };
    for (const [what, certificate] of Object.entries(unknown))
      expect(await counted(all, shown(certificate)), what).toBe('UNAUTHENTICATED');

    const admin = all.as({ ...shown(byName), token: await all.signed('root') });
    expect(await admin.access.listTokens(), 'the token counts, where there is one').toMatchObject({
      tokens: [],
    });
    expect(await counted(all, { ...shown(byName), token: 'wrong' }), 'also where it is none').toBe(
      'UNAUTHENTICATED',
    );
  });

  it('takes one name with a comma in it for one name', async () => {
    const all = await asking([{ match: 'URI:spiffe://example/readers/*', bindings: READER }]);
    const twoInOne = clients.issue({
      commonName: 'nobody',
      alternativeNames: '@names\n[names]\nDNS.1=a\\, URI:spiffe://example/readers/7',
    });
    expect(new X509Certificate(twoInOne.cert).subjectAltName).toContain(' URI:spiffe:');
    expect(await counted(all, shown(twoInOne))).toBe('UNAUTHENTICATED');
  });

  it('lets nobody else through the handshake, but asks no certificate of probes', async () => {
    const all = await asking([{ match: 'CN=*', bindings: READER }]);
    const refused: Readonly<Record<string, Partial<ConnectOptions>>> = {
      none: { tls: { ca: services.cert } },
      'of another authority': shown(strangers.issue()),
      'that has expired': shown(clients.issue({ days: -1 })),
      'that a client has signed itself': shown(strangers),
    };
    for (const [what, options] of Object.entries(refused))
      expect(await counted(all, { ...options, timeoutMs: 700 }), what).toBe('STORE_UNAVAILABLE');
    const status = await new Promise<number | undefined>((resolve, reject) => {
      https
        .get(`${all.services[0]?.httpAddress}/livez`, { ca: services.cert }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
        .on('error', reject);
    });
    expect(status).toBe(200);
  });

  it('ends what is open with a certificate that the access file maps no more', async () => {
    const all = await asking([{ match: 'CN=backup' }]);
    const messages = all.as(shown(byName)).eventStore.subscribe({})[Symbol.asyncIterator]();
    await messages.next();
    writeFileSync(all.accessFile, JSON.stringify(accessFor([])));
    const ended = (async () => {
      while (!(await messages.next()).done);
    })();
    await expect(ended).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
    await expect.poll(() => counted(all, shown(byName)), SOON).toBe('UNAUTHENTICATED');
  });
});
