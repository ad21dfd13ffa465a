import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { BATCH_EVENTS, fastest, mustHave, type Peer, type Reading, type ReadSizes } from './contestant.js';
import { peerFolder } from './folder.js';
import { PythonProcess } from './python-process.js';
import { VERSIONS } from './versions.js';

export interface UmaDbOptions {
  /** Where its file is made, on the disk that Postgres is on too where both are ours. */
  readonly scratch: string;
  /** A server that runs already; otherwise one is started, and ended. */
  readonly address?: string | undefined;
}

const BATCH_CALLERS = [1, 4, 16];

/** UmaDB: a gRPC event store on storage of its own, through the client that its makers publish. */
export async function openUmaDb({ scratch, address }: UmaDbOptions): Promise<Peer> {
  const folder = await mkdtemp(path.join(scratch, 'umadb-'));
  try {
    const python = await PythonProcess.start(peerFolder('umadb'), 'umadb_peer.py', {
      folder,
      flags: [],
      ...(address === undefined ? {} : { address }),
    });
    return new UmaDb(folder, python);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

class UmaDb implements Peer {
  readonly name = 'umadb';
  readonly label = `UmaDB ${VERSIONS.umadb} over gRPC, not on Postgres, its Python client`;
  readonly singles = [1, 64, 256].map((callers) => ({ callers, ours: callers }));
  readonly reads = ['STREAM', 'LOG'] as const;
  readonly parses = false;
  readonly processes: readonly number[];
  readonly #folder: string;
  readonly #python: PythonProcess;
  #batchCallers = 4;
  #acknowledged = 0;
  #sizes: ReadSizes = { stream: 0, log: 0 };

  constructor(folder: string, python: PythonProcess) {
    this.#folder = folder;
    this.#python = python;
    this.processes = python.processes;
  }

  async tune(what: 'SINGLES' | 'BATCHES', milliseconds: number): Promise<void> {
    if (what === 'BATCHES')
      this.#batchCallers = await fastest(BATCH_CALLERS, (callers) =>
        this.#append(callers, BATCH_EVENTS, milliseconds),
      );
  }

  appendSingles(callers: number, milliseconds: number): Promise<number> {
    return this.#append(callers, 1, milliseconds);
  }

  appendBatches(milliseconds: number): Promise<number> {
    return this.#append(this.#batchCallers, BATCH_EVENTS, milliseconds);
  }

  async fill(sizes: ReadSizes): Promise<void> {
    await this.#python.ask({ do: 'fill', ...sizes });
    this.#acknowledged += sizes.log;
    this.#sizes = sizes;
  }

  async read(what: Reading, milliseconds: number): Promise<number> {
    const expected = what === 'STREAM' ? this.#sizes.stream : this.#sizes.log;
    return (await this.#python.measure({ do: 'read', what, expected, milliseconds })).rate;
  }

  async verify(): Promise<void> {
    const { events = Number.NaN } = await this.#python.ask({ do: 'count' });
    mustHave(this.label, this.#acknowledged, events);
  }

  async close(): Promise<void> {
    await this.#python.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #append(callers: number, batch: number, milliseconds: number): Promise<number> {
    const { events, rate } = await this.#python.measure({ do: 'append', callers, batch, milliseconds });
    this.#acknowledged += events;
    return rate;
  }
}
