import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SignJWT } from 'jose';
import { inject } from 'vitest';
import type { RoleBinding } from '../../src/auth/principal.js';
import { type Connection, connect } from '../../src/client/connect.js';
import { loadConfig } from '../../src/config.js';
import { type Logger, silentLogger } from '../../src/core/logger.js';
import { type Service, startService } from '../../src/server.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

/** Services on one log that authenticate their callers, and whoever a test wants to be. */
export interface Authenticated {
  readonly namespace: string;
  readonly accessNamespace: string;
  readonly services: readonly Service[];
  readonly databaseUrl: string;
  /** Somebody whom the issuer knows by name, with roles in the scope `system`. */
  as(name: string, roles?: readonly string[], instance?: number): Promise<Connection>;
  /** Whoever shows this. */
  with(token: string | undefined, instance?: number): Connection;
  /** A token of somebody, made by root. */
  tokenOf(principal: string, ...bindings: readonly RoleBinding[]): Promise<string>;
  jwt(name: string, roles?: readonly string[]): Promise<string>;
  /** Writes the access file anew. */
  setAccess(file: object): void;
  close(): Promise<void>;
}

export interface AuthenticatedOptions {
  /** The access file, but for root, who is an administrator. */
  readonly rules: readonly object[];
  /** @default 1 */
  readonly instances?: number;
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly logger?: Logger;
}

const ISSUER = 'https://issuer.example';

export async function openAuthenticated(options: AuthenticatedOptions): Promise<Authenticated> {
  const { flags = {}, instances = 1, logger = silentLogger, rules } = options;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const folder = mkdtempSync(path.join(tmpdir(), 'access-'));
  const accessFile = path.join(folder, 'access.json');
  const jwtKeys = path.join(folder, 'issuer.pem');
  const setAccess = (file: object) => writeFileSync(accessFile, JSON.stringify(file));
  setAccess({
    rules: [{ name: 'admins', roles: ['admin'], actions: ['*'] }, ...rules],
    principals: { root: [{ role: 'admin', scope: 'system' }] },
    jwt: { bindings: [{ claim: 'roles', role: '$value', scope: 'system' }] },
  });
  writeFileSync(jwtKeys, publicKey.export({ type: 'spki', format: 'pem' }));
  const [namespace, accessNamespace] = [newSchemaName(), newSchemaName()];
  const databaseUrl = urlOf(inject('connection'));
  const settings = {
    databaseUrl,
    grpcPort: 0,
    httpPort: 0,
    drainTimeoutMs: 1000,
    namespace,
    accessNamespace,
    accessFile,
    jwtKeys,
    jwtIssuers: [ISSUER],
    jwtAudiences: ['headwater'],
    ...flags,
  };
  const services: Service[] = [];
  for (let instance = 0; instance < instances; instance += 1)
    services.push(await startService(loadConfig(settings, undefined, {}).config, logger));
  const connections: Connection[] = [];
  const jwt = (name: string, roles: readonly string[] = []) =>
    new SignJWT({ roles })
      .setProtectedHeader({ alg: 'ES256' })
      .setSubject(name)
      .setIssuer(ISSUER)
      .setAudience('headwater')
      .setExpirationTime('5m')
      .sign(privateKey);
  const connected = (token: string | undefined, instance = 0) => {
    const connection = connect({
      address: services[instance]?.grpcAddress ?? '',
      ...(token === undefined ? {} : { token }),
      timeoutMs: 20_000,
    });
    connections.push(connection);
    return connection;
  };
  const as = async (name: string, roles: readonly string[] = [], instance = 0) =>
    connected(await jwt(name, roles), instance);
  return {
    namespace,
    accessNamespace,
    services,
    databaseUrl,
    as,
    with: connected,
    jwt,
    tokenOf: async (principal, ...bindings) =>
      (await (await as('root')).access.createToken({ name: principal, principal, bindings })).secret,
    setAccess,
    close: async () => {
      for (const connection of connections) connection.close();
      await Promise.all(services.map((service) => service.stop()));
      rmSync(folder, { recursive: true });
      const database = openDatabase();
      for (const schema of [namespace, accessNamespace])
        await database.query('append', `DROP SCHEMA IF EXISTS "${schema}" CASCADE`, []);
      await database.close();
    },
  };
}
