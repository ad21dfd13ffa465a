import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { issuerKeys } from '../../src/access/jwt-keys.js';
import { systemRuntime } from '../../src/system.js';
import { type Clock, stoppedClock } from './clock.js';
import { claims, goodToken, type Keys, keySetOf, makeKeys, verifying } from './issuer.js';
import { shortKey } from './jwt-forgeries.js';

const keys = makeKeys();
const nextKeys = makeKeys();
const SOON = { timeout: 20_000, interval: 20 };
const TIMEOUT_MS = 500;

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'hw-keys-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

const pem = (made: Keys) => String(made.p256.publicKey.export({ type: 'spki', format: 'pem' }));

/** A verifier with the keys that are there, and what was told of them. */
async function withKeys(where: string, clock: Clock = stoppedClock()) {
  const failures: unknown[] = [];
  const source = await issuerKeys(where, {
    // A file is looked at each second, which is twenty times as fast here.
    runtime: { ...clock, sleep: (milliseconds, signal) => systemRuntime.sleep(milliseconds / 20, signal) },
    timeoutMs: TIMEOUT_MS,
    onFailure: (error) => failures.push(error),
    onChange: () => made.verifier.forget(),
  });
  onTestFinished(() => source.stop());
  const made = verifying(source.keyFor, { clock });
  const signed = (by: Keys) =>
    made.verify(goodToken(by, 'ES256', claims(clock))).then(
      () => 'good',
      (error: Error & { reason?: string }) => error.reason ?? error.message,
    );
  return { failures, signed };
}

describe('a file of keys', () => {
  it.each([
    ['one key in PEM', pem],
    ['a key set', (made: Keys) => JSON.stringify(keySetOf(made))],
  ])('with %s is read again when it changes: the new key is good, the old one is not', async (_, content) => {
    const file = path.join(folder(), 'keys');
    writeFileSync(file, content(keys));
    const { failures, signed } = await withKeys(file);
    expect([await signed(keys), await signed(nextKeys)]).toEqual(['good', 'UNAUTHENTICATED']);

    writeFileSync(`${file}.new`, content(nextKeys));
    renameSync(`${file}.new`, file);
    await expect.poll(() => signed(nextKeys), SOON).toBe('good');
    expect(await signed(keys)).toBe('UNAUTHENTICATED');

    writeFileSync(file, 'neither');
    await expect.poll(() => failures.length, SOON).toBe(1);
    expect(await signed(nextKeys)).toBe('good');
    rmSync(file);
    await expect.poll(() => failures.length, SOON).toBe(2);
    expect(await signed(nextKeys)).toBe('good');
  });

  it.each([
    ['a private key', () => keys.p256.privateKey.export({ type: 'pkcs8', format: 'pem' }), /a private key/],
    ['a short key', () => shortKey().publicKey.export({ type: 'spki', format: 'pem' }), /1024 bits.*2048/],
    [
      'a key for something else',
      () => generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' }),
      /of the kind x25519/,
    ],
    ['neither', () => 'ssh-ed25519 AAAA', /not JSON/],
    ['no list of keys', () => '{"keys":1}', /a list "keys"/],
  ])('with %s is refused', async (_, content, why) => {
    const file = path.join(folder(), 'keys');
    writeFileSync(file, content());
    await expect(withKeys(file)).rejects.toThrow(why);
  });

  it('that is not there is refused', async () => {
    await expect(withKeys(path.join(folder(), 'keys'))).rejects.toThrow(/ENOENT/);
  });
});

/** A real issuer on this machine. */
async function issuer(answer: http.RequestListener) {
  let asked = 0;
  const server = http.createServer((request, response) => {
    asked += 1;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/keys`, asked: () => asked };
}

describe('a URL of keys', () => {
  it('is asked again when a key is missing, and what it has left out is no good', async () => {
    let published = keySetOf(keys);
    const { asked, url } = await issuer((_, response) => response.end(JSON.stringify(published)));
    const clock = stoppedClock();
    const { signed } = await withKeys(url, clock);
    expect(asked()).toBe(0);
    expect(await signed(keys)).toBe('good');
    published = { keys: keySetOf(nextKeys).keys.map((key) => ({ ...key, kid: 'next' })) };
    clock.advance(11 * 60_000);
    expect(await signed(keys)).toBe('good');
    await expect.poll(() => signed(keys), SOON).toBe('UNAUTHENTICATED');
    expect(asked()).toBe(2);
  });

  it.each<readonly [string, http.RequestListener]>([
    ['404', (_, response) => response.writeHead(404).end('{"keys":[]}')],
    ['500 with keys', (_, response) => response.writeHead(500).end(JSON.stringify(keySetOf(keys)))],
    ['a page', (_, response) => response.end('<html></html>')],
    ['nothing', (_, response) => response.end()],
    ['no list of keys', (_, response) => response.end('{"keys":"all"}')],
    [
      'more than a megabyte, without saying so',
      (_, response) => {
        const more = () => {
          while (response.write(' '.repeat(64 * 1024)));
        };
        response.on('drain', more).on('error', () => undefined);
        more();
      },
    ],
    [
      'a megabyte that is small on the way',
      (_, response) =>
        response
          .writeHead(200, { 'content-encoding': 'gzip' })
          .end(gzipSync(JSON.stringify({ ...keySetOf(keys), more: ' '.repeat(4 * 1024 * 1024) }))),
    ],
    ['the end of the connection', (request) => request.socket.destroy()],
  ])('that answers %s gives no keys', async (_, answer) => {
    const { asked, url } = await issuer(answer);
    const { failures, signed } = await withKeys(url);
    expect(await signed(keys)).toBe('STORE_UNAVAILABLE');
    expect(await signed(keys)).toBe('STORE_UNAVAILABLE');
    expect([asked(), failures.length]).toEqual([1, 1]);
  });

  it('that redirects is not followed', async () => {
    const elsewhere = await issuer((_, response) => response.end(JSON.stringify(keySetOf(keys))));
    const { url } = await issuer((_, response) => response.writeHead(302, { location: elsewhere.url }).end());
    const { signed } = await withKeys(url);
    expect(await signed(keys)).toBe('STORE_UNAVAILABLE');
    expect(elsewhere.asked()).toBe(0);
  });

  it.each<readonly [string, http.RequestListener]>([
    ['never answers', () => undefined],
    [
      'answers a byte at a time',
      (_, response) => {
        const timer = setInterval(() => response.write(' '), 200);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ])('that %s is given up when the time for an answer is over', async (_, answer) => {
    const { url } = await issuer(answer);
    const { failures, signed } = await withKeys(url);
    const began = performance.now();
    expect(await signed(keys)).toBe('STORE_UNAVAILABLE');
    expect(performance.now() - began).toBeGreaterThan(TIMEOUT_MS - 50);
    expect(failures).toHaveLength(1);
  });
});
