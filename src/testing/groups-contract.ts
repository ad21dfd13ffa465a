import type { ConsumerGroups } from '../core/consumer-groups.js';
import type { EventStore } from '../core/event-store.js';
import type { TestFramework } from './contract.js';
import { groupDeliveriesContract } from './groups-contract-deliveries.js';
import { groupFailuresContract } from './groups-contract-failures.js';
import { groupMembersContract } from './groups-contract-members.js';
import { groupRecordsContract } from './groups-contract-records.js';

/** Consumer groups to be tested, none there yet, on an empty log. */
export interface OpenGroups {
  readonly groups: ConsumerGroups;
  /** The same groups at another instance, or by another connection. */
  readonly elsewhere: ConsumerGroups;
  /** The log that they are about. */
  readonly store: EventStore;
  close(): Promise<void>;
}

/** Runs `body` with groups of its own. */
export type WithGroups = (body: (opened: OpenGroups) => Promise<void>) => () => Promise<void>;

/**
 * What consumer groups must do, as tests: sentences of behaviour, at an instance of the service as over gRPC.
 *
 * @param open gives groups on an empty log; called once for each test
 */
export function groupsContract(framework: TestFramework, open: () => Promise<OpenGroups>): void {
  const withGroups: WithGroups = (body) => async () => {
    const opened = await open();
    try {
      await body(opened);
    } finally {
      await opened.close();
    }
  };
  for (const part of [
    groupRecordsContract,
    groupDeliveriesContract,
    groupFailuresContract,
    groupMembersContract,
  ])
    part(framework, withGroups);
}
