import type { ConsumerGroups } from '../../src/core/consumer-groups.js';
import type { EventStore } from '../../src/core/event-store.js';
import { createMemoryEventStore, MemoryGroupStorage } from '../../src/memory/index.js';
import { GroupHost } from '../../src/subscriptions/groups/group-host.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, newEvent, thing } from '../../src/testing/index.js';

/** A log in memory with its consumer groups, as one instance of the service has them. */
export interface LogWithGroups {
  readonly store: EventStore;
  readonly groups: ConsumerGroups;
  /** Another instance over the same groups. */
  anotherInstance(): GroupHost;
  /** Appends one event and gives its position. */
  append(stream: string, eventType?: string): Promise<bigint>;
  close(): Promise<void>;
}

export function logWithGroups(): LogWithGroups {
  const runtime = systemRuntime;
  const store = createMemoryEventStore({ runtime });
  const storage = new MemoryGroupStorage({ runtime, store });
  const hosts: GroupHost[] = [];
  const anotherInstance = () => {
    const host = new GroupHost({ log: store, storage, runtime });
    hosts.push(host);
    return host;
  };
  return {
    store,
    groups: anotherInstance(),
    anotherInstance,
    append: async (stream, eventType = 'Happened') => {
      const [aggregateType = '', aggregateId = ''] = stream.split('/');
      const { lastPosition } = await store.append(
        appendTo(thing(aggregateId, aggregateType), newEvent({ eventType })),
      );
      return lastPosition;
    },
    close: async () => {
      await Promise.all(hosts.map((host) => host.stop()));
    },
  };
}

/** Polls until it holds; a test that waits in vain is ended by its own time-out. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemRuntime.sleep(5);
}

/** A handler can be held up with it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
