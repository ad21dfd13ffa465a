import { InvalidRequestError } from '../core/errors.js';
import { onAbort } from '../core/on-abort.js';
import type { Runtime } from '../core/runtime.js';
import { GroupHost } from '../subscriptions/groups/group-host.js';
import type { GroupStorage } from '../subscriptions/groups/group-storage.js';
import type { ServedNamespace } from './served-namespaces.js';

export interface ServedGroupsOptions {
  /** A namespace that is open. */
  readonly servedOf: (namespace: string) => ServedNamespace;
  readonly runtime: Runtime;
}

/** The consumer groups of each namespace that is used: a host beside its store. */
export class ServedGroups {
  readonly #options: ServedGroupsOptions;
  /** A namespace that is made anew has another storage. */
  readonly #hosts = new Map<GroupStorage, GroupHost>();

  constructor(options: ServedGroupsOptions) {
    this.#options = options;
  }

  /** Those of a namespace, which is open. Throws `InvalidRequestError` where it keeps none. */
  of(namespace: string): GroupHost {
    const { gone, groupStorage: storage, store: log } = this.#options.servedOf(namespace);
    if (storage === undefined)
      throw new InvalidRequestError([
        { field: 'namespace', description: `${namespace} is served without consumer groups` },
      ]);
    const known = this.#hosts.get(storage);
    if (known !== undefined) return known;
    const host = new GroupHost({ log, storage, runtime: this.#options.runtime });
    this.#hosts.set(storage, host);
    onAbort(gone, () => {
      this.#hosts.delete(storage);
      void host.stop();
    });
    return host;
  }

  /** Ends all memberships; what they held is free for others at once, or else when their leases have run out. */
  async stop(): Promise<void> {
    const hosts = [...this.#hosts.values()];
    this.#hosts.clear();
    await Promise.all(hosts.map((host) => host.stop()));
  }
}
