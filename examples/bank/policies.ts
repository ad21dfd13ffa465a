// Who may do what in the bank.
import { policy } from '../../src/index.js';

/**
 * Whoever is teller of a branch. The command says in `branch` which one it is about, so that a binding for one branch
 * allows only that branch; that the account is one of that branch is the account's own rule.
 */
export const teller = policy().withRole('teller').withScope('branch').withResource('branch');

/** Whoever looks after the tellers of a branch: limits, and accounts that nobody may touch. */
export const auditor = policy().withRole('auditor').withScope('branch').withResource('branch');

/** What carries transfers from one account to the other; no person has this role. */
export const clearing = policy().withRole('clearing').withScope('bank');
