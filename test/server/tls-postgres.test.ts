import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newEvent, to } from '../../src/testing/builders.js';
import { type Authority, makeAuthority } from '../support/certificates.js';
import { startTlsPostgres, type TlsPostgres } from '../support/tls-postgres.js';
import { serve } from './service.js';

let authority: Authority;
let stranger: Authority;
let postgres: TlsPostgres;
beforeAll(async () => {
  authority = makeAuthority();
  stranger = makeAuthority('Somebody else');
  postgres = await startTlsPostgres(authority.issue({ alternativeNames: 'DNS:localhost' }));
});
afterAll(async () => {
  await postgres?.close();
  authority.close();
  stranger.close();
});

const urlWith = (mode: string, ca?: string) =>
  `${postgres.url}?sslmode=${mode}${ca === undefined ? '' : `&sslrootcert=${encodeURIComponent(ca)}`}`;

describe('a Postgres that is reached over TLS', () => {
  it('is known by who has signed its certificate', async () => {
    const { connection } = await serve(urlWith('verify-full', authority.certFile));
    await connection.eventStore.append({
      streams: [to({ aggregateType: 'Thing', aggregateId: '1' }, 'NO_STREAM', newEvent())],
    });
    expect(await connection.eventStore.countEvents()).toMatchObject({ count: 1n });
  });

  it.each([
    ['whose certificate somebody else has signed', () => urlWith('verify-full', stranger.certFile)],
    ['whose certificate nobody known has signed', () => urlWith('verify-full')],
    [
      'whose certificate is for another name',
      () => urlWith('verify-full', authority.certFile).replace('@localhost:', '@127.0.0.1:'),
    ],
  ])('is not used, %s', async (_, url) => {
    await expect(serve(url())).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringMatching(/(certificate|altnames).*sslrootcert in DATABASE_URL/),
    });
  });

  it('is not used where the service does not encrypt and the server wants it', async () => {
    await expect(serve(urlWith('disable'))).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringContaining('no encryption'),
    });
  });
});
