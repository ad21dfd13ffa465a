import type { ConsumerGroups, CreateGroupRequest } from '../core/consumer-groups.js';
import { GroupExistsError } from '../core/follower-errors.js';
import { selectionToJson } from '../core/selection-json.js';

/**
 * Creates the group if it is missing. One that is there stays as it is; only what the caller names must be the same, or
 * this fails with `GroupExistsError`: an operator may have tuned the settings since.
 */
export async function createIfMissing(
  groups: Pick<ConsumerGroups, 'create' | 'get'>,
  wanted: CreateGroupRequest,
  signal: AbortSignal,
): Promise<void> {
  try {
    await groups.create(wanted, { signal });
  } catch (error) {
    if (!(error instanceof GroupExistsError)) throw error;
    const { group } = await groups.get(wanted.name, { signal });
    const sameSettings = Object.entries(wanted.settings ?? {}).every(
      ([name, value]) => value === undefined || group.settings[name as keyof typeof group.settings] === value,
    );
    const sameSlots = wanted.slots === undefined || wanted.slots === group.slots;
    const sameSelection = selectionToJson(wanted.selection ?? {}) === selectionToJson(group.selection);
    if (!sameSettings || !sameSlots || !sameSelection) throw error;
  }
}
