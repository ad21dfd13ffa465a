import type { Options } from '../options.js';
import { BATCH_EVENTS, type Peer, type Reading, type ReadSizes } from '../peers/contestant.js';
import { withPeers } from '../peers/open-peers.js';
import type { Ours } from '../peers/ours.js';
import { takeTurns, type Turn } from '../rounds.js';
import { compare, type Measurement, type Row } from '../row.js';
import type { Stage } from '../stage.js';

// Other event stores in our place, on the same Postgres where they use one. How each is driven: bench/peers/README.md.

/** Of the best TypeScript peer, which runs in its caller's process: no network on its side. */
const APPEND_TARGET = 4;
const LOAD_TARGET = 1.5;

/** Appends of one event a call. */
const peerAppends: Measurement = {
  id: 'peer-appends',
  about: 'appends of one event, beside other event stores',
  long: true,
  measure: (stage, options) =>
    withPeers(stage, options, async ({ ours, peers }) => {
      for (const peer of peers) await peer.tune('SINGLES', options.turnMilliseconds);
      const turns = new Turns();
      const pairs = peers.flatMap((peer) =>
        peer.singles.map(({ callers, ours: inFlight }) => ({
          peer,
          what: `pipelined appends of one event, ${inFlight} in flight`,
          floor: `${peer.label}, ${callers} at a time`,
          ...target(peer, APPEND_TARGET),
          columns: {
            ours: turns.of(`${inFlight}`, (latency) =>
              ours.appendSingles(inFlight, options.turnMilliseconds, latency),
            ),
            floor: turns.of(`${peer.name} ${callers}`, (latency) =>
              peer.appendSingles(callers, options.turnMilliseconds, latency),
            ),
          },
        })),
      );
      return turns.rows('peer-appends', pairs, stage, options);
    }),
};

/** Appends of a hundred events to a stream, all or nothing. */
const peerBatches: Measurement = {
  id: 'peer-batches',
  about: 'appends of a hundred events, all or nothing, beside other event stores',
  long: true,
  measure: (stage, options) =>
    withPeers(stage, options, async ({ ours, peers }) => {
      const turns = new Turns();
      const pairs: Pair[] = [];
      await ours.tuneBatches(options.turnMilliseconds);
      for (const peer of peers) {
        if (!peer.appendBatches) continue;
        await peer.tune('BATCHES', options.turnMilliseconds);
        pairs.push({
          peer,
          what: `appends of ${BATCH_EVENTS} events, ${ours.batchesInFlight} in flight`,
          floor: `${peer.label}, the same`,
          columns: {
            ours: turns.of('ours', (latency) => ours.appendBatches(options.turnMilliseconds, latency)),
            floor: turns.of(
              peer.name,
              (latency) =>
                peer.appendBatches?.(options.turnMilliseconds, latency) ?? Promise.resolve(Number.NaN),
            ),
          },
        });
      }
      return turns.rows('peer-batches', pairs, stage, options);
    }),
};

/** Reads of a long stream, and of the log. */
const peerLoads: Measurement = {
  id: 'peer-loads',
  about: 'reads of a long stream and of the log, beside other event stores',
  long: true,
  measure: (stage, options) =>
    withPeers(stage, options, async ({ ours, peers }) => {
      const sizes: ReadSizes = { stream: 10_000, log: options.quick ? 10_000 : 50_000 };
      for (const contestant of [ours, ...peers]) await contestant.fill(sizes);
      const turns = new Turns();
      const pairs = peers.flatMap((peer) =>
        readsOf(peer).map(({ theirs, reading }) => ({
          peer,
          what: whatIsRead(reading, sizes, peer),
          floor: `${peer.label}, ${theirs === 'STREAM' ? 'a stream' : 'the log'}`,
          ...target(peer, LOAD_TARGET),
          columns: {
            ours: turns.of(`${reading} ${peer.parses}`, oursReading(ours, peer, reading, options)),
            floor: turns.of(`${peer.name} ${theirs}`, () => peer.read(theirs, options.turnMilliseconds)),
          },
        })),
      );
      return turns.rows('peer-loads', pairs, stage, options);
    }),
};

export const peerMeasurements: readonly Measurement[] = [peerAppends, peerBatches, peerLoads];

/** What a peer reads, each with what ours reads beside it. Who has no log to read has its stream beside ours of the log too. */
function readsOf({ reads }: Peer): readonly { readonly theirs: Reading; readonly reading: Reading }[] {
  const same = reads.map((reading) => ({ theirs: reading, reading }));
  return reads.includes('LOG') ? same : [...same, { theirs: 'STREAM', reading: 'LOG' }];
}

function whatIsRead(reading: Reading, { stream, log }: ReadSizes, { parses }: Peer): string {
  const events = (reading === 'STREAM' ? stream : log).toLocaleString('en');
  const decoded = parses ? 'decoded, their JSON parsed' : 'decoded';
  return `Load of ${reading === 'STREAM' ? 'a stream' : 'the log'}, ${events} events, ${decoded}`;
}

function oursReading(ours: Ours, { parses }: Peer, reading: Reading, { turnMilliseconds }: Options): Turn {
  return () => (parses ? ours.readAndParse(reading, turnMilliseconds) : ours.read(reading, turnMilliseconds));
}

function target({ name }: Peer, value: number): { readonly target?: number } {
  return name === 'emmett' ? { target: value } : {};
}

interface Pair {
  readonly peer: Peer;
  readonly what: string;
  readonly floor: string;
  readonly target?: number;
  readonly columns: { readonly ours: number; readonly floor: number };
}

/** The turns of a row, each once, however many compare with it. */
class Turns {
  readonly #indexes = new Map<string, number>();
  readonly #turns: Turn[] = [];

  of(name: string, turn: Turn): number {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    this.#indexes.set(name, this.#turns.length);
    return this.#turns.push(turn) - 1;
  }

  async rows(
    id: Row['id'],
    pairs: readonly Pair[],
    { meter }: Stage,
    { rounds }: Options,
  ): Promise<readonly Row[]> {
    const clients = [...new Set(pairs.flatMap(({ peer }) => peer.processes))];
    const results = await takeTurns({ rounds, meter: meter.with({ clients }) }, this.#turns);
    const told = new Set<number>();
    return pairs.map(({ peer, columns, ...text }) => {
      const { latency, ...row } = compare(results, columns, {
        id,
        unit: 'events/s',
        peer: peer.name,
        ...text,
      });
      // Several rows share our turns; how long our calls took then is said once.
      if (latency === undefined || told.has(columns.ours)) return row;
      told.add(columns.ours);
      return { ...row, latency };
    });
  }
}
