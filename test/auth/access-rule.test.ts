import { expect, it } from 'vitest';
import { ACTION_GROUPS } from '../../src/auth/access-rule.js';
import { ACTIONS } from '../../src/auth/plan.js';

it('every action is in a group, so that none can be allowed by "*" alone', () => {
  const grouped = new Set<string>(Object.values(ACTION_GROUPS).flat());
  expect(ACTIONS.filter((action) => !grouped.has(action))).toEqual([]);
});

it('a group that has the name of an action has that action in it', () => {
  for (const [name, actions] of Object.entries(ACTION_GROUPS))
    if ((ACTIONS as readonly string[]).includes(name)) expect(actions, name).toContain(name);
});
