import { isAnswered, isMoney, isOfAccount } from './followers-check-outcome.js';
import type {
  FollowedEvent,
  Follower,
  FollowersHistory,
  FollowersOutcome,
  Handling,
  Sum,
} from './followers-history.js';

/** What may be changed, to tell a lie. */
export interface Story {
  readonly history: { -readonly [Key in keyof FollowersHistory]: FollowersHistory[Key] };
  readonly outcome: { -readonly [Key in keyof FollowersOutcome]: FollowersOutcome[Key] };
}

const SLOTS = 4;
/** Milliseconds between an event and the next in every follower. */
const STEP = 100;
const EVENTS = 60;

/** Events of three accounts and their answers, and followers that did what they should. */
export function rightFollowersStory(): Story {
  const log: FollowedEvent[] = [];
  for (let index = 0; index < EVENTS; index += 1) {
    const asked = append(log, `Account/${'abc'[index % 3]}`, {
      eventType: ['Deposited', 'Withdrawn', 'Noted', 'Deposited'][index % 4] ?? '',
      amount: index,
      causationId: '',
    });
    if (isAnswered(asked))
      append(log, asked.stream.replace('Account', 'Receipt'), {
        eventType: 'Receipted',
        amount: asked.amount,
        causationId: asked.eventId,
      });
  }
  const everything = () => true;
  const followers: Follower[] = [
    follower('mailers', everything, log),
    follower('billing', isMoney, log),
    follower('balances', isMoney, log),
    { ...follower('rabbit-worker', everything, log), ordered: false, again: undefined },
  ];
  return {
    history: {
      followers,
      appends: log
        .filter(isOfAccount)
        .map(({ eventId, position }) => ({ eventIds: [eventId], lastPosition: position })),
      samples: [1000, 3000].map((at) => ({
        at,
        slots: new Map([['mailers', Array.from({ length: SLOTS }, () => at / STEP - 1)]]),
        kept: new Map([['balances', at / STEP - 1]]),
        parked: ['mailers Account/c'],
        failed: [],
      })),
      faults: [{ kind: 'kill -9 of a follower', target: 'mailers 1', began: 2000, ended: 2000 }],
      stalls: [{ process: 'mailers 3', began: 11_000, ended: 19_000 }],
      accidents: [],
      poisoned: 'Account/c',
    },
    outcome: {
      log,
      effects: log.filter(isMoney).map(({ position }) => position),
      balances: folded(log.filter(isMoney)),
      totals: {
        amount: [...folded(log.filter(isOfAccount)).values()].reduce((sum, { amount }) => sum + amount, 0),
        events: Object.fromEntries(
          ['Deposited', 'Withdrawn', 'Noted', 'Receipted'].map((type) => [
            type,
            log.filter(({ eventType }) => eventType === type).length,
          ]),
        ),
      },
      standings: folded(log.filter(isOfAccount)),
      left: { members: 0 },
    },
  };
}

function append(
  log: FollowedEvent[],
  stream: string,
  told: Pick<FollowedEvent, 'amount' | 'causationId' | 'eventType'>,
): FollowedEvent {
  const position = log.length + 1;
  const version = log.filter((one) => one.stream === stream).length + 1;
  const event = { ...told, stream, position, version, eventId: `event ${position}` };
  log.push(event);
  return event;
}

function follower(name: string, wants: Follower['wants'], log: readonly FollowedEvent[]): Follower {
  const handlings = log.filter(wants).map((event) => handlingOf(event, `${name} 1`));
  return { name, wants, ordered: true, again: 2, handlings };
}

export function handlingOf(
  { eventId, position, stream, version }: FollowedEvent,
  process: string,
  began = position * STEP,
): Handling {
  return { process, position, stream, version, eventId, began, ended: began + STEP / 2 };
}

function folded(events: readonly FollowedEvent[]): ReadonlyMap<string, Sum & { version: number }> {
  const sums = new Map<string, Sum & { version: number }>();
  for (const { amount, eventType, stream, version } of events) {
    const account = stream.slice('Account/'.length);
    const had = sums.get(account) ?? { amount: 0, events: 0 };
    const change = eventType === 'Deposited' ? amount : eventType === 'Withdrawn' ? -amount : 0;
    sums.set(account, { amount: had.amount + change, events: had.events + 1, version });
  }
  return sums;
}
