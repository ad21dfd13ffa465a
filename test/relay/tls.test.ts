import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { natsPublisher } from '../../src/relay/nats-publisher.js';
import { rabbitMqPublisher } from '../../src/relay/rabbitmq-publisher.js';
import type { CrashableBroker } from '../support/broker-process.js';
import { startNatsServer } from '../support/nats-server.js';
import { startRabbitMq } from '../support/rabbitmq.js';
import { source } from './relayed.js';

let folder: string;
let ca: string;
const brokers: CrashableBroker[] = [];
const within = (name: string) => path.join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hw-tls-'));
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ].concat(
      ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ['-keyout', within('key.pem'), '-out', within('cert.pem')],
    ),
    { stdio: 'ignore' },
  );
  ca = await readFile(within('cert.pem'), 'utf8');
});
afterAll(async () => {
  for (const broker of brokers) await broker.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a relay over TLS', () => {
  it('publishes to a NATS server whose authority it is told, and to no other', async () => {
    const broker = await startNatsServer([
      '--tls',
      '--tlscert',
      within('cert.pem'),
      '--tlskey',
      within('key.pem'),
    ]);
    brokers.push(broker);
    const url = broker.url.replace('nats:', 'tls:');
    const { fill, run } = source();
    const last = await fill(10);
    const running = run(natsPublisher({ url, tls: { ca } }));
    await running.waitFor(last, { timeoutMilliseconds: 20_000 });
    await running.stop();
    await expect(
      natsPublisher({ url }).publish([], { epoch: 1n }, AbortSignal.timeout(10_000)),
    ).rejects.toThrow(/self.signed certificate/);
  });

  it('publishes to a RabbitMQ whose authority it is told, and to no other', async () => {
    const broker = await startRabbitMq({ cert: within('cert.pem'), key: within('key.pem') });
    brokers.push(broker);
    const { fill, run } = source();
    const last = await fill(10);
    const running = run(rabbitMqPublisher({ url: broker.url, tls: { ca, servername: 'localhost' } }));
    await running.waitFor(last, { timeoutMilliseconds: 20_000 });
    await running.stop();
    const publisher = rabbitMqPublisher({ url: broker.url, tls: { servername: 'localhost' } });
    await expect(publisher.publish([], { epoch: 1n }, AbortSignal.timeout(10_000))).rejects.toThrow(
      /self.signed certificate/,
    );
  }, 90_000);
});
