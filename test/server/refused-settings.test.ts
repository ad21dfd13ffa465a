import { describe, expect, inject, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { silentLogger } from '../../src/core/logger.js';
import { refuseSettings } from '../../src/refuse-settings.js';
import { startService } from '../../src/server.js';
import { StartError } from '../../src/start-error.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName } from '../support/test-database.js';

const configOf = (flags: Readonly<Record<string, unknown>>) => loadConfig(flags, undefined, {}).config;
const refusing = (flags: Readonly<Record<string, unknown>>) => () => refuseSettings(configOf(flags));

const ACCESS = { accessFile: 'access.json' };
const JWT = { ...ACCESS, jwtKeys: 'https://id.example/keys', jwtIssuers: ['i'], jwtAudiences: ['a'] };

describe('a service does not start', () => {
  it.each<readonly [string, Readonly<Record<string, unknown>>, RegExp]>([
    ['open to other machines over gRPC', { grpcHost: '0.0.0.0' }, /--grpc-host 0\.0\.0\.0.*--access-file/],
    ['open over gRPC by a name', { grpcHost: 'db.internal' }, /--grpc-host db\.internal/],
    ['open over gRPC by IPv6', { grpcHost: '::' }, /--grpc-host ::/],
    ['open over gRPC by what only looks like loopback', { grpcHost: '127.example' }, /--grpc-host/],
    ['open to other machines over HTTP', { httpHost: '0.0.0.0' }, /--http-host.*--allow-unauthenticated/],
    [
      'open with TLS, and nobody authenticated',
      { grpcHost: '0.0.0.0', tlsCert: 'c', tlsKey: 'k' },
      /--grpc-host/,
    ],
    ['with a certificate without key', { tlsCert: 'c.pem' }, /--tls-cert and --tls-key go together/],
    ['with a key without certificate', { tlsKey: 'k.pem' }, /--tls-cert and --tls-key go together/],
    ['asking for certificates without TLS', { tlsClientCa: 'ca.pem' }, /--tls-client-ca.*needs TLS/],
    ['with keys of an issuer and no rules', { ...JWT, accessFile: '' }, /--jwt-keys.*need --access-file/],
    ['watching only, with no rules', { accessShadow: true }, /--access-shadow need --access-file/],
    ['with rules and everybody let in', { ...ACCESS, allowUnauthenticated: true }, /contradict each other/],
    ['with tokens of any issuer', { ...JWT, jwtIssuers: [] }, /--jwt-keys needs --jwt-issuers/],
    ['with tokens for anybody', { ...JWT, jwtAudiences: [] }, /--jwt-audiences/],
    [
      'asking an issuer unencrypted',
      { ...JWT, jwtKeys: 'http://id.example/keys' },
      /unencrypted.*https:\/\//,
    ],
    [
      'asking what looks like this machine',
      { ...JWT, jwtKeys: 'http://localhost.id.example/' },
      /unencrypted/,
    ],
    [
      'asking what has this machine as user',
      { ...JWT, jwtKeys: 'http://127.0.0.1@id.example/' },
      /unencrypted/,
    ],
    ['asking no address', { ...JWT, jwtKeys: 'http://' }, /unencrypted/],
    [
      'with tokens and audit in the log itself',
      { ...ACCESS, namespace: 'a', accessNamespace: 'a' },
      /--access-namespace a must/,
    ],
    [
      'with tokens and audit elsewhere',
      { ...ACCESS, accessNamespace: 'a', placements: { a: 'postgres://db/app' } },
      /--access-namespace a must/,
    ],
    [
      'with the default namespace elsewhere',
      { namespace: 'a', placements: { a: 'postgres://db/app' } },
      /a placement/,
    ],
    ['with a replica of the embedded Postgres', { readDatabaseUrl: 'postgres://db/app' }, /no replica/],
  ])('%s', (_, flags, why) => {
    expect(refusing(flags)).toThrow(StartError);
    expect(refusing(flags)).toThrow(why);
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>, RegExp]>([
    ['that is not there', { accessFile: '/nowhere/access.json' }, /\/nowhere\/access\.json.*ENOENT/],
    ['of TLS that is not there', { tlsCert: '/nowhere/c.pem', tlsKey: '/nowhere/k.pem' }, /TLS:.*ENOENT/],
  ])('with a file %s', async (_, flags, why) => {
    const databaseUrl = urlOf(inject('connection'));
    const config = configOf({
      databaseUrl,
      namespace: newSchemaName(),
      accessNamespace: newSchemaName(),
      grpcPort: 0,
      httpPort: 0,
      ...flags,
    });
    await expect(startService(config, silentLogger)).rejects.toThrow(why);
  });
});

describe('a service starts', () => {
  it.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['on this machine', {}],
    ['on this machine by IPv6', { grpcHost: '::1', httpHost: 'localhost' }],
    ['open, where that is said', { grpcHost: '0.0.0.0', allowUnauthenticated: true }],
    ['open, where callers are authenticated', { ...ACCESS, grpcHost: '0.0.0.0', httpHost: '0.0.0.0' }],
    ['asking an issuer over TLS', JWT],
    ['asking an issuer on this machine', { ...JWT, jwtKeys: 'http://127.0.0.1:8080/keys' }],
    ['asking an issuer on this machine by IPv6', { ...JWT, jwtKeys: 'http://[::1]:8080/keys' }],
    ['with keys in a file', { ...JWT, jwtKeys: 'http.pem' }],
    ['asking for certificates with TLS', { tlsCert: 'c', tlsKey: 'k', tlsClientCa: 'ca' }],
  ])('%s', (_, flags) => {
    expect(refusing(flags)).not.toThrow();
  });
});
