// What users, tenants and role bindings have in common: they are created once, and deleted once.
import { CommandRejectedError } from '../../src/index.js';

export type Presence = 'ABSENT' | 'PRESENT' | 'DELETED';

/** @param what for example "USER", which begins the reasons */
export function refusePresent(what: string, presence: Presence): void {
  refuseDeleted(what, presence);
  if (presence === 'PRESENT')
    throw new CommandRejectedError(`${what}_EXISTS`, 'It is there already', { code: 'ALREADY_EXISTS' });
}

export function refuseDeleted(what: string, presence: Presence): void {
  if (presence === 'DELETED') throw new CommandRejectedError(`${what}_DELETED`, 'It is deleted');
}
