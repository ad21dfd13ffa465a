import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { connect, type ConnectOptions } from '../../src/client/connect.js';
import { loadConfig } from '../../src/config.js';
import type { LogFields, Logger } from '../../src/core/logger.js';
import { HealthHttp } from '../../src/grpc/health-http.js';
import { systemRuntime } from '../../src/system.js';
import { newEvent, to } from '../../src/testing/builders.js';
import { openTls } from '../../src/tls.js';
import { startService } from '../grpc/service.js';
import { type Authority, type Certificate, makeAuthority } from '../support/certificates.js';
import { urlOf } from '../support/headwater.js';
import { newSchemaName, openTestStore, type TestStore } from '../support/test-database.js';
import { serve } from './service.js';

/** All of them take a minute on a machine that has other things to do. */
const RELOADS = process.env['HEADWATER_TEST_LONG'] === undefined ? 20 : 100;
const SOON = { timeout: 20_000, interval: 20 };

let authority: Authority;
let stranger: Authority;
let opened: TestStore;
beforeAll(async () => {
  authority = makeAuthority();
  stranger = makeAuthority('Somebody else');
  opened = await openTestStore();
});
afterAll(async () => {
  authority.close();
  stranger.close();
  await opened.close();
});

/** A log that can be read. */
function readable(): { readonly logger: Logger; readonly told: string[] } {
  const told: string[] = [];
  const log = (message: string, fields: LogFields = {}) =>
    void told.push(`${message} ${JSON.stringify(fields)}`);
  return { told, logger: { debug: log, info: log, warn: log, error: log } };
}

/** Files that a service reads, and how they are exchanged as tools do it. */
function installed(first: Certificate) {
  const folder = mkdtempSync(path.join(tmpdir(), 'hw-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const certFile = path.join(folder, 'tls.crt');
  const keyFile = path.join(folder, 'tls.key');
  const put = (from: string, file: string) => {
    copyFileSync(from, `${file}.new`);
    renameSync(`${file}.new`, file);
  };
  const exchange = (certificate: Pick<Certificate, 'certFile' | 'keyFile'>) => {
    put(certificate.certFile, certFile);
    put(certificate.keyFile, keyFile);
  };
  exchange(first);
  return { certFile, keyFile, exchange };
}

/** gRPC and HTTP with the certificate of the files, which are looked at fifty times a second. */
async function serving(files: { readonly certFile: string; readonly keyFile: string }) {
  const { logger, told } = readable();
  const { config } = loadConfig({ tlsCert: files.certFile, tlsKey: files.keyFile }, undefined, {});
  const runtime = {
    ...systemRuntime,
    sleep: (milliseconds: number, signal?: AbortSignal) => systemRuntime.sleep(milliseconds / 50, signal),
  };
  const openedTls = await openTls(config, { logger, runtime });
  const { address, port } = await startService(opened.store, { credentials: openedTls?.grpc });
  const http = new HealthHttp({
    host: '127.0.0.1',
    port: 0,
    tls: openedTls?.files,
    serving: () => true,
    headAheadSeconds: () => 0,
    about: () => ({}),
  });
  const httpPort = await http.start();
  onTestFinished(async () => {
    await http.stop();
    await openedTls?.files.stop();
  });
  const connected = (options: Partial<ConnectOptions> = {}) => {
    const connection = connect({ address, tls: { ca: authority.cert }, timeoutMs: 10_000, ...options });
    onTestFinished(() => connection.close());
    return connection;
  };
  return { address, port, httpPort, told, connected };
}

/** The serial number of the certificate that a new connection sees; rejects where there is no handshake. */
function serialAt(port: number, options: tls.ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(
      { host: '127.0.0.1', port, ca: authority.cert, ALPNProtocols: ['h2', 'http/1.1'], ...options },
      () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

const serialOf = ({ cert }: Certificate) => new X509Certificate(cert).serialNumber;

describe('a service with a certificate', () => {
  it('is known by who has signed it, over gRPC and HTTP, and by nobody else', async () => {
    const certificate = authority.issue();
    const { certFile, keyFile } = certificate;
    const { service } = await serve(urlOf(inject('connection')), {
      namespace: newSchemaName(),
      tlsCert: certFile,
      tlsKey: keyFile,
    });
    expect(service.httpAddress).toMatch(/^https:/);
    const info = async (options: Partial<ConnectOptions>) => {
      const connection = connect({ address: service.grpcAddress, timeoutMs: 700, ...options });
      onTestFinished(() => connection.close());
      return connection.info();
    };
    expect(await info({ tls: { ca: authority.cert } })).toMatchObject({ version: expect.any(String) });
    await expect(info({ tls: { ca: stranger.cert } })).rejects.toThrow(/certificate/);
    await expect(info({ tls: true })).rejects.toThrow(/certificate/);
    await expect(info({ tls: { ca: authority.cert, serverName: 'other.example' } })).rejects.toThrow(
      /altnames/,
    );
    await expect(info({})).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    const status = await new Promise<number | undefined>((resolve, reject) => {
      https
        .get(`${service.httpAddress}/livez`, { ca: authority.cert }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
        .on('error', reject);
    });
    expect(status).toBe(200);
  });

  it('speaks TLS 1.2 and 1.3, and nothing older', async () => {
    const certificate = authority.issue();
    const { httpPort, port } = await serving(installed(certificate));
    for (const one of [port, httpPort]) {
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
        expect(await serialAt(one, { minVersion: version, maxVersion: version })).toBe(serialOf(certificate));
      for (const version of ['TLSv1', 'TLSv1.1'] as const)
        await expect(
          serialAt(one, { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }),
        ).rejects.toThrow(/protocol version/i);
    }
  });

  it('shows another when its files change, under load, and no call fails', async () => {
    const pair = [authority.issue(), authority.issue()] as const;
    const files = installed(pair[0]);
    const { connected, httpPort, port } = await serving(files);
    const { eventStore } = connected();
    const over = new AbortController();
    let appended = 0;
    let seen = 0;
    const stream = (aggregateId: string) => ({ aggregateType: 'Reloaded', aggregateId });
    const appending = Array.from({ length: 2 }, async (_, index) => {
      while (!over.signal.aborted) {
        await eventStore.append({ streams: [to(stream(`${index}`), 'ANY', newEvent())] });
        appended += 1;
      }
    });
    const scope = { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Reloaded'] } as const;
    const following = (async () => {
      for await (const { events } of eventStore.subscribe({ scope }, { signal: over.signal }))
        seen += events.length;
    })().catch((error: unknown) => {
      if (!over.signal.aborted) throw error;
    });
    const changing = (async () => {
      for (let round = 1; round <= RELOADS; round += 1) {
        const certificate = pair[round % 2] ?? pair[0];
        files.exchange(certificate);
        await expect.poll(() => serialAt(port), SOON).toBe(serialOf(certificate));
        expect(await serialAt(httpPort)).toBe(serialOf(certificate));
        const fresh = connected();
        await fresh.eventStore.append({ streams: [to(stream(`fresh-${round}`), 'NO_STREAM', newEvent())] });
        fresh.close();
      }
    })().finally(() => over.abort());
    await Promise.all([changing, ...appending]);
    await following;
    expect(appended).toBeGreaterThan(RELOADS);
    expect(seen).toBeGreaterThan(RELOADS);
  }, 120_000);

  it('keeps the one before where key and certificate do not go together, and says so', async () => {
    const first = authority.issue();
    const second = authority.issue();
    const files = installed(first);
    const { httpPort, port, told } = await serving(files);

    files.exchange({ certFile: second.certFile, keyFile: first.keyFile });
    await expect.poll(() => told.join('\n'), SOON).toMatch(/certificate is not good.*is not the key of/);
    expect(await serialAt(port)).toBe(serialOf(first));
    expect(await serialAt(httpPort)).toBe(serialOf(first));
    expect(told.join('\n')).not.toContain('PRIVATE KEY');

    writeFileSync(files.certFile, 'no certificate');
    rmSync(files.keyFile);
    await expect.poll(() => told.filter((one) => one.includes('not good')).length, SOON).toBeGreaterThan(1);
    expect(await serialAt(port)).toBe(serialOf(first));

    files.exchange(second);
    await expect.poll(() => serialAt(port), SOON).toBe(serialOf(second));
  });
});

describe('a service without a certificate', () => {
  it.each([
    ['0.0.0.0', 'access.json', 1],
    ['127.0.0.1', 'access.json', 0],
    ['0.0.0.0', '', 0],
  ])(
    'on %s with the access file %j warns of tokens that others could read %i times',
    async (grpcHost, accessFile, times) => {
      const { logger, told } = readable();
      const { config } = loadConfig({ grpcHost, accessFile }, undefined, {});
      expect(await openTls(config, { logger, runtime: systemRuntime })).toBeUndefined();
      expect(told.filter((one) => one.includes('unencrypted'))).toHaveLength(times);
    },
  );
});
