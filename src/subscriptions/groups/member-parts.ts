import type { EventLog } from '../../core/event-store.js';
import type { Runtime } from '../../core/runtime.js';
import type { GroupStorage } from './group-storage.js';

/** What consumer groups work with. */
export interface GroupParts {
  /** Of the namespace. */
  readonly log: Pick<EventLog, 'load' | 'subscribe'>;
  readonly storage: GroupStorage;
  readonly runtime: Runtime;
}
