import type { Options } from '../options.js';
import type { Stage } from '../stage.js';
import type { Peer, PeerName } from './contestant.js';
import { openEmmett } from './emmett.js';
import { openEventsourcing } from './eventsourcing.js';
import { install, PeerMissingError } from './install.js';
import { openMessageDb } from './message-db.js';
import { openOurs, type Ours } from './ours.js';
import { openUmaDb } from './umadb.js';

/** Those that take turns. */
export interface Field {
  readonly ours: Ours;
  readonly peers: readonly Peer[];
}

/**
 * Opens ours and the peers that are asked for, installs what is missing, and closes all of them behind the work. What cannot be had
 * is said and left out. In the end each is asked whether it has what it acknowledged.
 */
export async function withPeers<T>(
  stage: Stage,
  options: Options,
  work: (field: Field) => Promise<T>,
): Promise<T> {
  const closing: (() => Promise<void>)[] = [];
  try {
    const peers: Peer[] = [];
    for (const name of options.peers) {
      const peer = await openIfThere(name, stage, options);
      if (!peer) continue;
      closing.push(() => peer.close());
      peers.push(peer);
    }
    const ours = await openOurs(stage);
    closing.push(() => ours.close());
    const result = await work({ ours, peers });
    for (const contestant of [ours, ...peers]) await contestant.verify();
    return result;
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

async function openIfThere(name: PeerName, stage: Stage, options: Options): Promise<Peer | undefined> {
  const say = (text: string) => process.stderr.write(`          ${text}\n`);
  try {
    await install(name, say);
    return await open(name, stage, options);
  } catch (error) {
    if (!(error instanceof PeerMissingError)) throw error;
    say(`without ${name}: ${error.message}`);
    return undefined;
  }
}

function open(name: PeerName, { postgres, schema, scratch }: Stage, { umadb }: Options): Promise<Peer> {
  const databaseName = `${schema}_${name.replaceAll('-', '_')}`;
  switch (name) {
    case 'emmett':
      return openEmmett(postgres, databaseName);
    case 'message-db':
      return openMessageDb(postgres, databaseName);
    case 'eventsourcing':
      return openEventsourcing(postgres, databaseName);
    case 'umadb':
      return openUmaDb({ scratch, address: umadb });
  }
}
