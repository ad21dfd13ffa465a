import type { Runtime } from '../core/runtime.js';
import { DecidedAppends, type Verdict } from './append.js';
import { ForeseenAppends } from './append-foreseen.js';
import type { Database } from './database.js';
import { Foresight } from './foresight.js';
import { GroupLane } from './group-lane.js';
import type { PreparedAppend } from './prepared-append.js';

/** What groups are written with. */
export interface GroupAppendsParts {
  readonly database: Database;
  readonly schema: string;
  readonly runtime: Pick<Runtime, 'newEventId'>;
}

/**
 * Writes groups: one statement, one transaction, one round trip; another one where things are not as they could be foreseen.
 * Resolves when a group is committed, with a verdict for each request in order. No two requests of a group may share an event id
 * or a command id, and no condition may be about events of a request before it.
 */
export class GroupAppends {
  readonly #lane: GroupLane;
  readonly #foreseen: ForeseenAppends;
  readonly #decided: DecidedAppends;
  /** Whether what is sent behind a group is written: it is not where that one was not as foreseen. */
  readonly #followed = new Foresight();

  constructor({ database, schema, runtime }: GroupAppendsParts) {
    this.#lane = new GroupLane(database, runtime);
    this.#foreseen = new ForeseenAppends({ lane: this.#lane, schema });
    this.#decided = new DecidedAppends({ lane: this.#lane, schema });
  }

  async append(group: readonly PreparedAppend[]): Promise<readonly Verdict[]> {
    return (await this.#foreseen.append(group)) ?? (await this.#decided.append(group));
  }

  /** As {@link append}, of a group that is known not to be as it could be foreseen. */
  decide(group: readonly PreparedAppend[]): Promise<readonly Verdict[]> {
    return this.#decided.append(group);
  }

  /**
   * Sends the group behind the one that was sent last and is still under way. Answers undefined at once where it cannot follow;
   * and later, with nothing written, where what it follows was not written, or it was not as foreseen.
   */
  follow(group: readonly PreparedAppend[]): Promise<readonly Verdict[] | undefined> | undefined {
    if (!this.#lane.isBusy || !this.#followed.isWorthATry()) return undefined;
    return this.#send(group);
  }

  async #send(group: readonly PreparedAppend[]): Promise<readonly Verdict[] | undefined> {
    const answer = await (this.#foreseen.follow(group) ?? this.#decided.follow(group));
    if (answer === 'NOT_FOLLOWED') {
      this.#followed.failed();
      return undefined;
    }
    this.#followed.held();
    return answer;
  }
}
