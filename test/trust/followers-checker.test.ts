import { describe, expect, test } from 'vitest';
import { unchecked } from './checker.js';
import { checkFollowers, FOLLOWER_RULES, type FollowerRule } from './followers-checker.js';
import type { FollowedEvent, Handling } from './followers-history.js';
import { handlingOf, rightFollowersStory, type Story } from './followers-story.js';

// A small story of followers that is right, and one lie at a time. Every lie must be found, by the rule that is for it.

type Lie = (story: Story) => void;

function handled(
  name: string,
  change: (handlings: readonly Handling[], log: readonly FollowedEvent[]) => readonly Handling[],
): Lie {
  return ({ history, outcome }) => {
    history.followers = history.followers.map((follower) =>
      follower.name === name ? { ...follower, handlings: change(follower.handlings, outcome.log) } : follower,
    );
  };
}

/** The n-th event of an account, from 1. */
function eventOf(log: readonly FollowedEvent[], stream: string, version: number): FollowedEvent {
  const found = log.find((event) => event.stream === stream && event.version === version);
  if (found === undefined) throw new RangeError(`There is no ${stream} ${version}`);
  return found;
}

const without = (handlings: readonly Handling[], position: number) =>
  handlings.filter((one) => one.position !== position);

const LIES: readonly (readonly [string, FollowerRule, Lie])[] = [
  [
    'an acknowledged append that is lost',
    'APPENDS_KEPT',
    ({ history }) => {
      history.appends = [...history.appends, { eventIds: ['lost'], lastPosition: 99 }];
    },
  ],
  [
    'an append that stands elsewhere',
    'APPENDS_KEPT',
    ({ history: { appends }, history }) => {
      history.appends = appends.map((one, index) => (index === 5 ? { ...one, lastPosition: 1 } : one));
    },
  ],
  ['an event that a group skipped', 'ALL_HANDLED', handled('mailers', (all) => without(all, 20))],
  [
    'an event that never came to its end',
    'ALL_HANDLED',
    handled('billing', (all) =>
      all.map((one, at) => (at === 7 ? { ...one, ended: Number.POSITIVE_INFINITY } : one)),
    ),
  ],
  ['an event that a broker lost', 'ALL_HANDLED', handled('rabbit-worker', (all) => all.slice(0, -1))],
  [
    'an event that nobody has written',
    'NOT_INVENTED',
    handled('mailers', (all) => all.map((one, at) => (at === 3 ? { ...one, eventId: 'other' } : one))),
  ],
  [
    'an event under the name of another stream',
    'NOT_INVENTED',
    handled('mailers', (all) => all.map((one, at) => (at === 3 ? { ...one, stream: 'Account/z' } : one))),
  ],
  [
    'an event that does not concern the follower',
    'NOT_INVENTED',
    handled('billing', (all, log) => [...all, handlingOf(eventOf(log, 'Account/c', 1), 'billing 2')]),
  ],
  [
    'an event that was begun before the one in front of it had ended',
    'ORDER_KEPT',
    handled('mailers', (all, log) => {
      const { position } = eventOf(log, 'Account/a', 5);
      const former = eventOf(log, 'Account/a', 4).position * 100;
      return all.map((one) => (one.position === position ? { ...one, began: former + 1 } : one));
    }),
  ],
  [
    'an event that was begun early by a process that died',
    'ORDER_KEPT',
    handled('mailers', (all, log) => [
      ...all,
      { ...handlingOf(eventOf(log, 'Account/a', 5), 'mailers 2', 150), ended: Number.POSITIVE_INFINITY },
    ]),
  ],
  [
    'a delivery from below what a group has settled',
    'SETTLED_STAYS',
    handled('mailers', (all, log) => [...all, handlingOf(eventOf(log, 'Account/a', 2), 'mailers 2', 14_000)]),
  ],
  [
    'one that came long after the process had stood still',
    'SETTLED_STAYS',
    handled('mailers', (all, log) => [...all, handlingOf(eventOf(log, 'Account/a', 2), 'mailers 3', 23_500)]),
  ],
  [
    'a projection that began again below what it has kept',
    'SETTLED_STAYS',
    handled('balances', (all) => [...all, { ...(all[0] as Handling), began: 14_000, ended: 14_001 }]),
  ],
  [
    'more redeliveries than faults explain',
    'AGAIN_BOUNDED',
    handled('mailers', (all, log) => [
      ...all,
      ...[2, 3, 4].map((version) => handlingOf(eventOf(log, 'Account/a', version), 'mailers 2', 2100)),
    ]),
  ],
  [
    'an effect that is there twice',
    'EFFECTS_ONCE',
    ({ outcome }) => {
      outcome.effects = [...outcome.effects, outcome.effects[4] ?? 0];
    },
  ],
  [
    'an effect that is not there',
    'EFFECTS_ONCE',
    ({ outcome }) => {
      outcome.effects = outcome.effects.slice(1);
    },
  ],
  [
    'an effect of an event that has none',
    'EFFECTS_ONCE',
    ({ outcome }) => {
      outcome.effects = [...outcome.effects, 999];
    },
  ],
  [
    'a balance that had an event twice',
    'READ_MODEL_FOLDS',
    ({ outcome }) => {
      const { amount, events } = outcome.balances.get('a') ?? { amount: 0, events: 0 };
      outcome.balances = new Map([...outcome.balances, ['a', { amount, events: events + 1 }]]);
    },
  ],
  [
    'a balance that is missing',
    'READ_MODEL_FOLDS',
    ({ outcome }) => {
      outcome.balances = new Map([...outcome.balances].slice(1));
    },
  ],
  [
    'a total that missed a deposit',
    'STATE_FOLDS',
    ({ outcome }) => {
      outcome.totals = { ...outcome.totals, amount: outcome.totals.amount - 8 };
    },
  ],
  [
    'a state that counted an event of another type',
    'STATE_FOLDS',
    ({ outcome }) => {
      outcome.totals = { ...outcome.totals, events: { ...outcome.totals.events, Noted: 1 } };
    },
  ],
  [
    'a standing of a version too early',
    'AGGREGATES_FOLD',
    ({ outcome }) => {
      const had = outcome.standings.get('b');
      if (had)
        outcome.standings = new Map([...outcome.standings, ['b', { ...had, version: had.version - 1 }]]);
    },
  ],
  [
    'an answer that was given twice',
    'ANSWERED_ONCE',
    ({ outcome }) => {
      const answer = outcome.log.find(({ eventType }) => eventType === 'Receipted');
      if (answer) outcome.log = [...outcome.log, { ...answer, position: 999, eventId: 'again' }];
    },
  ],
  [
    'an answer that was never given',
    'ANSWERED_ONCE',
    ({ outcome }) => {
      const answer = outcome.log.find(({ eventType }) => eventType === 'Receipted');
      outcome.log = outcome.log.filter((event) => event !== answer);
    },
  ],
  [
    'an answer to what asked for none',
    'ANSWERED_ONCE',
    ({ outcome }) => {
      outcome.log = outcome.log.map((event) =>
        event.eventType === 'Receipted' ? { ...event, causationId: 'event 2' } : event,
      );
    },
  ],
  [
    'answers that changed places',
    'ANSWERS_IN_ORDER',
    ({ outcome }) => {
      const answers = outcome.log.filter(({ stream }) => stream === 'Receipt/a');
      const [first, second] = answers;
      outcome.log = outcome.log.map((event) => {
        if (event === first) return { ...event, causationId: second?.causationId ?? '' };
        return event === second ? { ...event, causationId: first?.causationId ?? '' } : event;
      });
    },
  ],
  [
    'a stream that was parked for nothing',
    'ONLY_POISON_HELD_BACK',
    ({ history }) => {
      history.samples = history.samples.map((sample) => ({ ...sample, parked: ['mailers Account/a'] }));
    },
  ],
  [
    'an aggregate that stood still for nothing',
    'ONLY_POISON_HELD_BACK',
    ({ history }) => {
      history.samples = history.samples.map((sample) => ({ ...sample, failed: ['standings Account/b'] }));
    },
  ],
  [
    'a lock that stayed',
    'NOTHING_LEFT',
    ({ outcome }) => {
      outcome.left = { ...outcome.left, 'advisory locks': 1 };
    },
  ],
  [
    'a process that ended by itself',
    'NOBODY_ENDED',
    ({ history }) => {
      history.accidents = ['mailers 1 ended with 3'];
    },
  ],
];

const found = ({ history, outcome }: Story) => checkFollowers(history, outcome);

describe('the checker of followers', () => {
  test('finds nothing in a story that is right, and looks at something for every rule', () => {
    const findings = found(rightFollowersStory());
    expect(findings.violations).toEqual([]);
    expect(unchecked(findings, FOLLOWER_RULES)).toEqual([]);
  });

  test('lets events come again that were under way in a fault, and a process that stood still begin what is settled', () => {
    const story = rightFollowersStory();
    handled('mailers', (all, log) => [
      ...all,
      handlingOf(eventOf(log, 'Account/a', 2), 'mailers 2', 2100),
      handlingOf(eventOf(log, 'Account/a', 3), 'mailers 3', 19_500),
    ])(story);
    expect(found(story).violations).toEqual([]);
  });

  test.for(LIES)('finds %s', ([, rule, lie]) => {
    const story = rightFollowersStory();
    lie(story);
    expect([...found(story).broken.keys()]).toContain(rule);
  });
});
