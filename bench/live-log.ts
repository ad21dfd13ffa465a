import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { NamespaceConnection } from '../src/client/connect.js';
import { liveFollowers } from './live-followers.js';
import type {
  LiveFollowersInput,
  LiveFollowersMessage,
  LiveFollowersOrder,
} from './live-followers-thread.js';

/** A log of its own with so many live subscribers, who stand by while others have their turn. */
export interface LiveLog {
  readonly followers: number;
  readonly namespace: string;
  readonly connection: NamespaceConnection;
  /** From now on what comes is looked at, until … */
  watch(): void;
  /** … it is asked how late each event came, in milliseconds. */
  latencies(): Promise<Float64Array>;
  stop(): Promise<void>;
}

const NOTHING = new Float64Array();

/** Resolves when all have caught up. */
export async function openLiveLog(
  followers: number,
  options: Omit<LiveFollowersInput, 'followers'> & { readonly connection: NamespaceConnection },
): Promise<LiveLog> {
  const { address, connection, namespace } = options;
  const log = { followers, namespace, connection };
  if (followers === 0)
    return {
      ...log,
      watch: () => undefined,
      latencies: async () => NOTHING,
      stop: async () => undefined,
    };
  const workerData: LiveFollowersInput = { address, namespace, followers: liveFollowers(followers) };
  const thread = new Worker(new URL('./live-followers-thread.js', import.meta.url), { workerData });
  const answer = async () => {
    const [message] = (await once(thread, 'message')) as [LiveFollowersMessage];
    return message;
  };
  await answer();
  const order = (what: LiveFollowersOrder) => thread.postMessage(what);
  return {
    ...log,
    watch: () => order('WATCH'),
    latencies: async () => {
      const answered = answer();
      order('DELIVER');
      const message = await answered;
      return message.kind === 'DELIVERED' ? message.latencies : NOTHING;
    },
    stop: async () => {
      await thread.terminate();
    },
  };
}
