import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BrokerProcess, type CrashableBroker } from './broker-process.js';
import { freePort } from './free-port.js';

/** Not the wrapper of Debian's package, which becomes another user and writes to the machine's own folders. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/**
 * A RabbitMQ of one's own, with an epmd of its own, in a scratch folder.
 *
 * @param tls files in PEM; then it listens for TLS alone
 */
export async function startRabbitMq(tls?: {
  readonly cert: string;
  readonly key: string;
}): Promise<CrashableBroker> {
  const scratch = path.resolve(import.meta.dirname, '../../.headwater-test');
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(path.join(scratch, 'rabbitmq-'));
  const [port, distribution, epmdPort] = [await freePort(), await freePort(), await freePort()];
  const within = (name: string) => path.join(folder, name);
  await writeFile(within('plugins'), '[].\n');
  const overTls = [
    'listeners.tcp = none',
    `listeners.ssl.1 = 127.0.0.1:${port}`,
    `ssl_options.cacertfile = ${tls?.cert}`,
    `ssl_options.certfile = ${tls?.cert}`,
    `ssl_options.keyfile = ${tls?.key}`,
    'ssl_options.verify = verify_none',
  ];
  await writeFile(within('rabbitmq.conf'), tls === undefined ? '' : `${overTls.join('\n')}\n`);
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    LANG: 'C.UTF-8',
    RABBITMQ_NODENAME: `headwater${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    ...(tls === undefined ? { RABBITMQ_NODE_PORT: String(port) } : {}),
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_MNESIA_BASE: within('data'),
    RABBITMQ_LOG_BASE: within('log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_ENABLED_PLUGINS_FILE: within('plugins'),
    RABBITMQ_CONFIG_FILE: within('rabbitmq'),
    RABBITMQ_GENERATED_CONFIG_DIR: within('config'),
    RABBITMQ_PID_FILE: within('pid'),
    // The script becomes the server then, instead of waiting for it, so that the child is what is killed.
    RUNNING_UNDER_SYSTEMD: '1',
  };
  // Started here, so that the server starts none that would outlive it.
  const epmd = new BrokerProcess('epmd', ['-port', String(epmdPort), '-address', '127.0.0.1'], env);
  const start = async () => {
    const server = new BrokerProcess(SERVER, [], env);
    await server.said('Server startup complete');
    return server;
  };
  const close = async (server?: BrokerProcess) => {
    await server?.kill();
    await epmd.kill();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  let server: BrokerProcess;
  try {
    server = await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: `${tls === undefined ? 'amqp' : 'amqps'}://guest:guest@127.0.0.1:${port}`,
    // RabbitMQ 3.10 never elects a leader for a quorum queue whose node dies right after it was declared, and shows nowhere
    // when that is over.
    settled: () => new Promise((resolve) => setTimeout(resolve, 3_000)),
    kill: () => server.kill(),
    restart: async () => {
      server = await start();
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    close: () => close(server),
  };
}
