import type { ConsumerGroups } from '../core/consumer-groups.js';
import { InvalidRequestError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { onAbort } from '../core/on-abort.js';
import type { Runtime } from '../core/runtime.js';
import { GroupHost } from '../subscriptions/groups/group-host.js';
import type { GroupStorage } from '../subscriptions/groups/group-storage.js';
import type { ServedNamespace } from './served-namespaces.js';

export interface ServedGroupsOptions {
  /** A namespace that is open. */
  readonly servedOf: (namespace: string) => ServedNamespace;
  readonly runtime: Runtime;
  readonly logger: Logger;
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
  of(namespace: string): ConsumerGroups {
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
      void this.#stop(host);
    });
    return host;
  }

  /** Ends all memberships, and resolves when what they held is free for others. */
  async stop(): Promise<void> {
    const hosts = [...this.#hosts.values()];
    this.#hosts.clear();
    await Promise.all(hosts.map((host) => this.#stop(host)));
  }

  /** What could not be freed is free when its lease has run out. */
  async #stop(host: GroupHost): Promise<void> {
    try {
      await host.stop();
    } catch (error) {
      const name = error instanceof Error ? error.name : typeof error;
      this.#options.logger.warn('The members of groups could not say that they leave', { error: name });
    }
  }
}
