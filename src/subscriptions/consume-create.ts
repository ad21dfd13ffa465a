import type { ConsumerGroups, CreateGroupRequest } from '../core/consumer-groups.js';
import { GroupExistsError } from '../core/follower-errors.js';
import type { EventSelection } from '../core/selection.js';

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
    if (!sameSettings || !sameSlots || text(wanted.selection) !== text(group.selection)) throw error;
  }
}

/** The same for selections that say the same: without what is empty or left out, keys in order. */
function text(selection: EventSelection = {}): string {
  const { scope, filters = [] } = selection;
  return JSON.stringify([scope?.kind === 'LOG' ? undefined : scope, filters], (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const kept = Object.entries(value).filter(
      ([, one]) => one !== undefined && !(Array.isArray(one) && one.length === 0),
    );
    return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
