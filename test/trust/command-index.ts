import {
  type CommandAnswer,
  type CommandCall,
  type CommandHistory,
  type CommandOutcome,
  bodyOf,
} from './command-history.js';
import type { LedgerRow, LoggedAccountEvent, SentCommand } from './command-history.js';
import { type Account, evolve, UNOPENED } from './command-model.js';

export type Executed = Extract<CommandAnswer, { kind: 'EXECUTED' }>;

/** All that is known of one command. */
export interface CommandStory {
  readonly commandId: string;
  readonly calls: CommandCall[];
  /** The calls that were told that it is done. */
  readonly executed: (CommandCall & { readonly answer: Executed })[];
  /** What was done, if it was. */
  readonly sent: SentCommand | undefined;
  /** By the log, in its order. */
  readonly events: readonly LoggedAccountEvent[];
  readonly row: LedgerRow | undefined;
}

/** An account between two commands of the log. */
export interface Moment {
  readonly state: Account;
  /** The command that led to it; none for the first. */
  readonly story: CommandStory | undefined;
  /** It cannot have been committed before … */
  readonly earliest: number;
  /** … and was so at the latest then. */
  readonly latest: number;
}

/** The history and the outcome, by command and by account. */
export class CommandIndex {
  readonly stories: ReadonlyMap<string, CommandStory>;
  /** Of each account, in the order of the log. */
  readonly events: ReadonlyMap<string, readonly LoggedAccountEvent[]>;
  readonly #moments = new Map<string, readonly Moment[]>();

  constructor({ calls }: CommandHistory, { ledger, log }: CommandOutcome) {
    const byCommand = grouped(log, ({ commandId }) => commandId);
    const rows = new Map(ledger.map((row) => [row.commandId, row]));
    this.events = grouped(log, ({ account }) => account);
    this.stories = new Map(
      [...grouped(calls, ({ sent }) => sent.commandId)].map(([commandId, own]) => {
        const executed = own.filter(wasExecuted);
        const [first] = executed;
        const events = byCommand.get(commandId) ?? [];
        const story = {
          commandId,
          calls: own,
          executed,
          sent: first?.sent,
          events,
          row: rows.get(commandId),
        };
        return [commandId, story];
      }),
    );
  }

  /** What an account was, command by command, with the times between which that began. */
  moments(account: string): readonly Moment[] {
    const known = this.#moments.get(account) ?? this.#momentsOf(account);
    this.#moments.set(account, known);
    return known;
  }

  #momentsOf(account: string): readonly Moment[] {
    const never = Number.POSITIVE_INFINITY;
    const moments: { -readonly [Key in keyof Moment]: Moment[Key] }[] = [
      { state: UNOPENED, story: undefined, earliest: -never, latest: -never },
    ];
    for (const event of this.events.get(account) ?? []) {
      const last = moments.at(-1);
      const story = this.stories.get(event.commandId);
      const state = evolve(last?.state ?? UNOPENED, event);
      if (last !== undefined && last.story === story) last.state = state;
      else moments.push({ state, story, earliest: earliestOf(story), latest: latestOf(story) });
    }
    // What comes later was not earlier.
    for (let index = 1; index < moments.length; index++) {
      const [before, moment] = [moments[index - 1], moments[index]];
      if (before && moment) moment.earliest = Math.max(moment.earliest, before.earliest);
    }
    for (let index = moments.length - 2; index > 0; index--) {
      const [moment, after] = [moments[index], moments[index + 1]];
      if (moment && after) moment.latest = Math.min(moment.latest, after.latest);
    }
    return moments;
  }
}

/** Whether it is the same command, and not another under its id. */
export function isSame(one: SentCommand, other: SentCommand): boolean {
  return bodyOf(one) === bodyOf(other);
}

/** When it was sent first. */
export function earliestOf(story: CommandStory | undefined): number {
  const { calls = [], sent } = story ?? {};
  const own = calls.filter((call) => sent === undefined || isSame(call.sent, sent));
  // Of what nobody sent nothing is known.
  return own.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...own.map(({ invoked }) => invoked));
}

/** When it was first known to be done. */
export function latestOf(story: CommandStory | undefined): number {
  return Math.min(...(story?.executed ?? []).map(({ returned }) => returned));
}

function wasExecuted(call: CommandCall): call is CommandCall & { readonly answer: Executed } {
  return call.answer.kind === 'EXECUTED';
}

/** The items by a key, in the order in which they come; `Map.groupBy` without Node 21. */
export function grouped<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
