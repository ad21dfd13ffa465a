import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded/index.js';
import { findPostgresBinaries } from '../../src/embedded/postgres-binaries.js';
import type { Certificate } from './certificates.js';
import { freePort } from './free-port.js';

/** A Postgres on a port of this machine that lets in nobody who does not encrypt. */
export interface TlsPostgres {
  /** Without `sslmode`. */
  readonly url: string;
  /** Stops it and removes its folder. */
  close(): Promise<void>;
}

/** The embedded Postgres has no port, so its cluster is made, and the server started by hand. */
export async function startTlsPostgres({ cert, key }: Certificate): Promise<TlsPostgres> {
  const scratch = path.resolve(import.meta.dirname, '../../.headwater-test');
  await mkdir(scratch, { recursive: true });
  const dataDirectory = await mkdtemp(path.join(scratch, 'tls-'));
  const made = await startEmbeddedPostgres({ dataDirectory });
  await made.stop();
  const cluster = path.join(dataDirectory, 'postgres');
  const { gid, uid } = await stat(cluster);
  await chmod(dataDirectory, 0o711);
  const files = { 'tls.crt': cert, 'tls.key': key, 'tls_hba.conf': 'hostssl all all 127.0.0.1/32 trust\n' };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(path.join(cluster, name), content, { mode: 0o600 });
    await chown(path.join(cluster, name), uid, gid);
  }
  const { libraryDirectory, postgres } = findPostgresBinaries();
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    ssl: 'on',
    ssl_cert_file: 'tls.crt',
    ssl_key_file: 'tls.key',
    hba_file: path.join(cluster, 'tls_hba.conf'),
  };
  const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const libraries = [path.join(dataDirectory, 'lib'), libraryDirectory].join(':');
  const server = spawn(postgres, ['-D', cluster, ...words], {
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
    env: { LD_LIBRARY_PATH: libraries },
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said = (said + chunk).slice(-4000);
  });
  const exited = once(server, 'exit');
  const close = async () => {
    server.kill('SIGINT');
    if (server.exitCode === null) await exited;
    await rm(dataDirectory, { recursive: true, force: true });
  };
  const url = `postgres://${made.user}@localhost:${port}/postgres`;
  const answers = async () => {
    const client = new pg.Client({ connectionString: url, ssl: { rejectUnauthorized: false } });
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return false;
    }
  };
  while (!(await answers())) {
    if (server.exitCode !== null) throw new Error(`Postgres has ended: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url, close };
}
