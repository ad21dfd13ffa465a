import { appendFile, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/index.js';
import { childrenOf } from './processes.js';
import { startSwitchableForwarder } from './switchable-forwarder.js';

/** One server of the set: the primary or a standby. */
export interface ReplicatedServer {
  /** Leads to this server always, whatever it is. */
  readonly url: string;
  /** Its Unix socket, for a forwarder. */
  readonly socketPath: string;
  /** One statement on a connection of its own, as superuser; rows as objects. */
  query(text: string): Promise<Record<string, unknown>[]>;
  /** kill -9 of the postmaster and every backend at once; resolves when nothing of it runs. */
  kill(): Promise<void>;
  /** Starts it again after a kill, on the same data. */
  restart(): Promise<void>;
}

/** A standby. */
export interface Standby extends ReplicatedServer {
  /** No more WAL arrives, so it confirms nothing; resolves when the connection to the primary is gone. */
  detach(): Promise<void>;
  /** WAL arrives again; resolves at once. */
  attach(): Promise<void>;
  /** WAL arrives and is confirmed, and is not shown. */
  pauseReplay(): Promise<void>;
  resumeReplay(): Promise<void>;
  /** Resolves when it shows all that the primary has committed by now. */
  caughtUp(): Promise<void>;
}

/** A primary and its streaming standbys, all embedded, behind an address that follows a promotion. */
export interface ReplicatedPostgres {
  /** Leads to the primary; after a promotion, to where `switchOver` points. */
  readonly url: string;
  readonly primary: ReplicatedServer;
  readonly standbys: readonly Standby[];
  /** Sets synchronous_standby_names on all servers, so that it holds after a promotion as well; empty: asynchronous. */
  synchronous(names: string): Promise<void>;
  /**
   * Promotes the standby that has most, points the others and the address to it; returns it. The former primary, which must
   * be dead, is forgotten.
   */
  failOver(): Promise<ReplicatedServer>;
  /** A new standby of the present primary, made from a base backup. */
  addStandby(): Promise<Standby>;
  close(): Promise<void>;
}

const SETTINGS = {
  // So that a standby which was away finds what it missed.
  wal_keep_size: '512MB',
  wal_retrieve_retry_interval: '100ms',
  shared_buffers: '32MB',
};

class Server implements ReplicatedServer {
  readonly #root: string;
  readonly #socketLink: string;
  #running: EmbeddedPostgres;

  private constructor(root: string, socketLink: string, running: EmbeddedPostgres) {
    this.#root = root;
    this.#socketLink = socketLink;
    this.#running = running;
  }

  static async start(root: string, socketLink: string): Promise<Server> {
    const running = await startEmbeddedPostgres({ dataDirectory: root, settings: SETTINGS });
    await link(running, socketLink);
    return new Server(root, socketLink, running);
  }

  get cluster(): string {
    return path.join(this.#root, 'postgres');
  }

  get socketPath(): string {
    return path.join(this.#socketLink, `.s.PGSQL.${this.#running.port}`);
  }

  get url(): string {
    const { user, port } = this.#running;
    return `postgres://${user}@localhost/postgres?host=${encodeURIComponent(this.#socketLink)}&port=${port}`;
  }

  /** Tried again where a standby cancels it because replay needs the rows that it would see. */
  async query(text: string, tries = 5): Promise<Record<string, unknown>[]> {
    try {
      return await this.#query(text);
    } catch (error) {
      const conflict = error instanceof pg.DatabaseError && error.code === '40001';
      if (!conflict || tries === 1) throw error;
      return this.query(text, tries - 1);
    }
  }

  async #query(text: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  async kill(): Promise<void> {
    const { pid, exited } = this.#running;
    // Stopped first, so that it starts nothing new and notices nothing while its children die.
    signal(pid, 'SIGSTOP');
    for (const child of childrenOf(pid)) signal(child, 'SIGKILL');
    signal(pid, 'SIGKILL');
    await exited;
  }

  async restart(): Promise<void> {
    this.#running = await startEmbeddedPostgres({ dataDirectory: this.#root, settings: SETTINGS });
    await link(this.#running, this.#socketLink);
  }

  /** A base backup of it that, once started, follows it. */
  async backUpTo(root: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      await client.query("SELECT pg_backup_start('standby', fast => true)");
      const to = path.join(root, 'postgres');
      // Files that only this server needs, and WAL, which the standby streams from where the backup begins.
      const left =
        /^(postmaster\.(pid|opts)|pg_wal\/.*\w{24}.*|pg_wal\/summaries\/.+|pg_replslot\/.+|pg_stat_tmp\/.+)$/;
      await cp(this.cluster, to, {
        recursive: true,
        filter: (source) => !left.test(path.relative(this.cluster, source)),
      });
      const stopped = await client.query<{ labelfile: string }>('SELECT * FROM pg_backup_stop(false)');
      await writeFile(path.join(to, 'backup_label'), stopped.rows[0]?.labelfile ?? '');
      await writeFile(path.join(to, 'standby.signal'), '');
      await appendFile(
        path.join(to, 'postgresql.auto.conf'),
        `\nprimary_conninfo = '${this.connectionInfo()}'\nhot_standby = on\n`,
      );
    } finally {
      await client.end();
    }
  }

  connectionInfo(): string {
    return `host=${this.#socketLink} port=${this.#running.port} user=${this.#running.user}`;
  }

  async close(): Promise<void> {
    await this.#running.stop();
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}

class StandbyServer implements Standby {
  readonly server: Server;
  readonly #primary: () => Server;

  constructor(server: Server, primary: () => Server) {
    this.server = server;
    this.#primary = primary;
  }

  get url(): string {
    return this.server.url;
  }

  get socketPath(): string {
    return this.server.socketPath;
  }

  query(text: string): Promise<Record<string, unknown>[]> {
    return this.server.query(text);
  }

  kill(): Promise<void> {
    return this.server.kill();
  }

  restart(): Promise<void> {
    return this.server.restart();
  }

  async detach(): Promise<void> {
    await this.#follow('host=/nowhere');
    await until(async () => {
      const [row] = await this.query(
        "SELECT count(*)::integer AS n FROM pg_stat_wal_receiver WHERE status = 'streaming'",
      );
      return row?.['n'] === 0;
    }, 'the standby to let go of the primary');
  }

  attach(): Promise<void> {
    return this.#follow(this.#primary().connectionInfo());
  }

  async pauseReplay(): Promise<void> {
    await this.query('SELECT pg_wal_replay_pause()');
    await until(async () => {
      const [row] = await this.query('SELECT pg_get_wal_replay_pause_state() AS state');
      return row?.['state'] === 'paused';
    }, 'replay to pause');
  }

  async resumeReplay(): Promise<void> {
    await this.query('SELECT pg_wal_replay_resume()');
  }

  async caughtUp(): Promise<void> {
    const [row] = await this.#primary().query('SELECT pg_current_wal_lsn()::text AS lsn');
    await until(async () => {
      const [there] = await this.query(
        `SELECT coalesce(pg_last_wal_replay_lsn() >= '${String(row?.['lsn'])}', false) AS there`,
      );
      return there?.['there'] === true;
    }, 'the standby to catch up');
  }

  async #follow(connectionInfo: string): Promise<void> {
    await this.query(`ALTER SYSTEM SET primary_conninfo = '${connectionInfo}'`);
    await this.query('SELECT pg_reload_conf()');
  }
}

/** Starts a primary and so many standbys, asynchronous at first. As root the servers run as another user. */
export async function startReplicatedPostgres(standbyCount = 1): Promise<ReplicatedPostgres> {
  const scratch = path.resolve(import.meta.dirname, '../../.headwater-test');
  await mkdir(scratch, { recursive: true });
  const links = await mkdtemp(path.join(tmpdir(), 'hw-'));
  let made = 0;
  const servers = new Set<Server>();
  const newFolder = () => mkdtemp(path.join(scratch, 'replicated-'));
  const start = async (root: string) => {
    const server = await Server.start(root, path.join(links, String(made++)));
    servers.add(server);
    return server;
  };
  let primary = await start(await newFolder());
  let standbys: StandbyServer[] = [];
  const addStandby = async () => {
    const root = await newFolder();
    await primary.backUpTo(root);
    const standby = new StandbyServer(await start(root), () => primary);
    standbys.push(standby);
    return standby;
  };
  for (let n = 0; n < standbyCount; n++) await addStandby();
  const forwarder = await startSwitchableForwarder(primary.socketPath);
  return {
    url: `postgres://headwater@127.0.0.1:${forwarder.port}/postgres`,
    get primary() {
      return primary;
    },
    get standbys() {
      return standbys;
    },
    synchronous: async (names) => {
      for (const server of [primary, ...standbys]) {
        await server.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
        await server.query('SELECT pg_reload_conf()');
      }
      if (names === '') return;
      await until(async () => {
        const rows = await primary.query(
          "SELECT 1 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum') AND state = 'streaming'",
        );
        return rows.length > 0;
      }, 'a standby to be synchronous');
    },
    failOver: async () => {
      const received = await Promise.all(
        standbys.map(async (standby) => {
          const [row] = await standby.query(
            "SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn AS bytes",
          );
          return Number(row?.['bytes']);
        }),
      );
      const chosen = standbys[received.indexOf(Math.max(...received))];
      if (chosen === undefined) throw new Error('There is no standby to promote');
      await chosen.query('SELECT pg_promote()');
      const former = primary;
      primary = chosen.server;
      standbys = standbys.filter((standby) => standby !== chosen);
      for (const standby of standbys) await standby.attach();
      forwarder.switchTo(primary.socketPath);
      servers.delete(former);
      await former.close();
      return primary;
    },
    addStandby,
    close: async () => {
      await forwarder.close();
      await Promise.all([...servers].map((server) => server.close()));
      await rm(links, { recursive: true, force: true });
    },
  };
}

/** Asks again and again until it is so; fails after half a minute. */
export async function until(
  holds: () => Promise<boolean> | boolean,
  what: string,
  milliseconds = 30_000,
): Promise<void> {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > milliseconds) throw new Error(`Waited ${milliseconds} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function link(running: EmbeddedPostgres, at: string): Promise<void> {
  await rm(at, { force: true });
  await symlink(running.socketDirectory, at);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended by itself in between.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
