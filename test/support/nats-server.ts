import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { BrokerProcess, type CrashableBroker } from './broker-process.js';
import { freePort } from './free-port.js';

/** A NATS server of one's own with JetStream, in a scratch folder. */
export async function startNatsServer(extra: readonly string[] = []): Promise<CrashableBroker> {
  const scratch = path.resolve(import.meta.dirname, '../../.headwater-test');
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(path.join(scratch, 'nats-'));
  const port = await freePort();
  const args = ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', String(port), ...extra];
  // Debian installs it where only root's PATH leads.
  const env = { PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/bin` };
  const start = async () => {
    const server = new BrokerProcess('nats-server', args, env);
    await server.said('Server is ready');
    return server;
  };
  let server = await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    settled: () => Promise.resolve(),
    kill: () => server.kill(),
    restart: async () => {
      server = await start();
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    close: async () => {
      await server.kill();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
