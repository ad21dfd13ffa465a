import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type CredentialFlags, credentialsFrom } from '../../src/cli/credential-options.js';
import { UsageError } from '../../src/cli/exit-codes.js';
import { connect } from '../../src/client/connect.js';

function fileWith(content: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'hw-flags-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'file');
  writeFileSync(file, content);
  return file;
}

afterEach(() => vi.unstubAllEnvs());

describe('who calls', () => {
  it('is told by a file, by a variable with a file, or by one with the token itself', () => {
    expect(credentialsFrom({})).toEqual({ tls: false });
    vi.stubEnv('HEADWATER_TOKEN_FILE', fileWith('of-the-variable\n'));
    expect(credentialsFrom({})).toEqual({ tls: false, token: 'of-the-variable' });
    vi.stubEnv('HEADWATER_TOKEN', 'itself');
    expect(credentialsFrom({})).toEqual({ tls: false, token: 'itself' });
    expect(credentialsFrom({ tokenFile: fileWith('of-the-flag\n') })).toMatchObject({ token: 'of-the-flag' });
  });

  it('is told by a certificate and its key', () => {
    const [tlsCert, tlsKey] = [fileWith('the certificate'), fileWith('its key')];
    const both = { cert: 'the certificate', key: 'its key' };
    expect(credentialsFrom({ tlsCert, tlsKey })).toEqual({ tls: both });
    vi.stubEnv('HEADWATER_TLS_CLIENT_CERT', tlsCert);
    vi.stubEnv('HEADWATER_TLS_CLIENT_KEY', tlsKey);
    expect(credentialsFrom({})).toEqual({ tls: both });
  });

  it("is not told by the service's own certificate", () => {
    vi.stubEnv('HEADWATER_TLS_CERT', fileWith('of the service'));
    vi.stubEnv('HEADWATER_TLS_KEY', fileWith('of the service'));
    expect(credentialsFrom({})).toEqual({ tls: false });
  });

  it('is refused with the way out where files are missing, or hold something else', () => {
    const refused: readonly (readonly [CredentialFlags, RegExp])[] = [
      [{ tokenFile: '/nowhere/token' }, /--token-file \/nowhere\/token.*ENOENT/],
      [{ tokenFile: fileWith('two words') }, /--token-file holds no token/],
      [{ tlsCert: fileWith('c') }, /--tls-cert and --tls-key go together/],
      [{ tlsCa: '/nowhere/ca.pem' }, /--tls-ca \/nowhere\/ca\.pem.*ENOENT/],
    ];
    for (const [flags, why] of refused) {
      expect(() => credentialsFrom(flags)).toThrow(UsageError);
      expect(() => credentialsFrom(flags)).toThrow(why);
    }
  });
});

describe('the service', () => {
  it('is known by the authorities of Node, or by a file', () => {
    expect(credentialsFrom({ tls: true })).toEqual({ tls: true });
    expect(credentialsFrom({ tlsCa: fileWith('the authority') })).toEqual({ tls: { ca: 'the authority' } });
    vi.stubEnv('HEADWATER_TLS', 'true');
    expect(credentialsFrom({})).toEqual({ tls: true });
    vi.stubEnv('HEADWATER_TLS_CA', fileWith('of the variable'));
    expect(credentialsFrom({})).toEqual({ tls: { ca: 'of the variable' } });
  });
});

describe('a token', () => {
  const to =
    (address: string, more: object = {}) =>
    () =>
      connect({ address, token: 'a-token', ...more }).close();

  it('does not go to another machine unencrypted, unless that is said', () => {
    for (const address of [
      'db.internal:50051',
      '10.0.0.7:50051',
      '[2001:db8::1]:50051',
      'localhost.example:1',
      '127.0.0.1.example:1',
    ]) {
      expect(to(address), address).toThrow(/unencrypted/);
      expect(to(address, { tls: true }), address).not.toThrow();
      expect(to(address, { plaintextToken: true }), address).not.toThrow();
    }
    for (const address of ['127.0.0.1:50051', 'localhost:50051', '[::1]:50051'])
      expect(to(address), address).not.toThrow();
  });
});
