import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SignJWT } from 'jose';
import { inject, onTestFinished } from 'vitest';
import { type Connection, connect, type ConnectOptions } from '../../src/client/connect.js';
import type { Service } from '../../src/server.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName } from '../support/test-database.js';
import { serve } from './service.js';

const ISSUER = 'https://issuer.example';

/** Services on one database that know who calls, and a way in for an administrator. */
export interface Secured {
  readonly services: readonly Service[];
  readonly accessNamespace: string;
  readonly accessFile: string;
  /** A connection to one of the services. */
  readonly as: (credentials: Partial<ConnectOptions>, instance?: number) => Connection;
  /** A token of the issuer, good for so many seconds. */
  readonly signed: (
    subject: string,
    claims?: Readonly<Record<string, unknown>>,
    seconds?: number,
  ) => Promise<string>;
  /** One who may do everything. */
  readonly root: (instance?: number) => Promise<Connection>;
}

/** As many services as `instances`, with an access file that says this, and the roles of `root` beside. */
export async function secured(
  access: Readonly<Record<string, unknown>>,
  { instances = 1, ...flags }: Readonly<Record<string, unknown>> & { readonly instances?: number } = {},
): Promise<Secured> {
  const folder = mkdtempSync(path.join(tmpdir(), 'hw-secured-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const accessFile = path.join(folder, 'access.json');
  const jwtKeys = path.join(folder, 'issuer.pem');
  writeFileSync(accessFile, JSON.stringify(access));
  writeFileSync(jwtKeys, publicKey.export({ type: 'spki', format: 'pem' }));
  const accessNamespace = newSchemaName();
  const namespace = newSchemaName();
  const services: Service[] = [];
  for (let instance = 0; instance < instances; instance += 1) {
    const { service } = await serve(urlOf(inject('connection')), {
      namespace,
      accessNamespace,
      accessFile,
      jwtKeys,
      jwtIssuers: [ISSUER],
      jwtAudiences: ['headwater'],
      ...flags,
    });
    services.push(service);
  }
  const as: Secured['as'] = (credentials, instance = 0) => {
    const address = services[instance]?.grpcAddress ?? '';
    const connection = connect({ address, timeoutMs: 20_000, ...credentials });
    onTestFinished(() => connection.close());
    return connection;
  };
  const signed: Secured['signed'] = (subject, claims = {}, seconds = 300) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'ES256' })
      .setSubject(subject)
      .setIssuer(ISSUER)
      .setAudience('headwater')
      .setExpirationTime(new Date(Date.now() + seconds * 1000))
      .sign(privateKey);
  return {
    services,
    accessNamespace,
    accessFile,
    as,
    signed,
    root: async (instance) => as({ token: await signed('root') }, instance),
  };
}
