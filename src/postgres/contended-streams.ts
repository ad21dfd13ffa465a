import type { AppendRequest, Refused, VersionConflict } from '../core/append.js';
import type { Runtime } from '../core/runtime.js';
import { streamKey, type StreamVersion } from '../core/stream.js';
import { Foresight } from './foresight.js';

/** Milliseconds between looks at streams that may stand still. */
const LOOK_MILLISECONDS = 5;
/** It stands still when it has not moved for so many times as long as it takes to move, and then each time again as long. */
const PATIENCE = 4;
/** Within these bounds. */
const LEAST_PATIENCE_MILLISECONDS = 10;
const MOST_PATIENCE_MILLISECONDS = 200;
/** How many are told at once of a stream of which it is not known whether it moves. */
const FIRST = 8;
/** How many are told when it stands still; each time after that so many times as many. */
const MORE = 2;
const TIMES = 4;
/** So many times at most a stream moves on without anybody being told, by those who have won before. */
const RUN = 6;
/** Who has won has as long to come back as the stream takes to move so many times. */
const RETURN = 4;
/** Within these bounds. */
const LEAST_RETURN_MILLISECONDS = 3;
const MOST_RETURN_MILLISECONDS = 10;
/** Above so many in all, everybody is told at once. */
const WAITING = 10_000;

type Tell = (version: bigint) => void;

interface Contended {
  /** The newest that is known. */
  version: bigint;
  movedAt: number;
  /** When it has moved, or more were told because it has not. */
  toldAt: number;
  /** How long it takes to move, in milliseconds. */
  pace: number;
  /** Whether somebody was told of this version who had waited for it. */
  told: boolean;
  /** How many more may hear of this version before it moves on. */
  room: number;
  /** How many more when it stands still. */
  more: number;
  /** Who came first is told first. */
  readonly waiting: Tell[];
  /** Whether who has won is worth waiting for. */
  readonly returns: Foresight;
  /** How often it has moved since somebody was told. */
  run: number;
}

/**
 * Lets those take turns who contend for one stream. Each expects the version that it has seen last; one wins and all others
 * are refused. Told at once, all would be back at once, to be refused again but for one, and that would be the one who had
 * won before, since it hears of it first: of 64 writers one got all, and that was a third of what it gets done alone. So
 * while the stream moves, of those who came late one is told each time, in the order in which they came, and of the version that
 * the stream has then. Where it stands still more are told, and all within some tenths of a second at most. (Row S8 of the bench.)
 *
 * Each turn costs a refusal, which is as much work as a win. So a turn lasts for up to seven events where who has won comes back for
 * more; whether it does is tried, and seldom again where it does not.
 *
 * Nothing is decided here: a refusal is only told later, with an actual version that is newer. Of an append to several streams,
 * or on a condition, it is told at once: what it says of one of them has to go together with what was true of the others.
 */
export class ContendedStreams {
  readonly #streams = new Map<string, Contended>();
  readonly #runtime: Pick<Runtime, 'sleep' | 'monotonic'>;
  #waiting = 0;
  #looking = false;
  #closed = false;

  constructor(runtime: Pick<Runtime, 'sleep' | 'monotonic'>) {
    this.#runtime = runtime;
  }

  /** Tells those whose turn it is that the streams have come to these versions. Cheap where nobody contends. */
  moved(versions: readonly StreamVersion[]): void {
    if (this.#streams.size === 0) return;
    for (const { stream, version } of versions) {
      const contended = this.#streams.get(streamKey(stream));
      if (contended !== undefined) this.#move(contended, version);
    }
  }

  /**
   * Whether somebody who had waited was told of these versions. Then who has won should hear of it after them, or is back
   * before them, and wins for ever.
   */
  wereTold(versions: readonly StreamVersion[]): boolean {
    if (this.#streams.size === 0) return false;
    return versions.some(({ stream }) => this.#streams.get(streamKey(stream))?.told ?? false);
  }

  /** Whether the append is too late by what is known: it will be refused, if it is no repeat. */
  isLate(request: AppendRequest): boolean {
    return this.#lateFor(request) !== undefined;
  }

  /**
   * Whether it is too late and would have to wait until it is told so: its refusal is then as good with the next appends, of
   * which one will move the stream on.
   */
  mayWait(request: AppendRequest): boolean {
    return !this.#closed && this.#lateFor(request)?.room === 0;
  }

  /** The refusal, when its caller may try again; `undefined` if that is at once. */
  turnOf(refused: Refused, { condition, streams }: AppendRequest): Promise<Refused> | undefined {
    const late = refused.conflicts.find(isLate);
    if (late === undefined || streams.length > 1 || condition !== undefined || this.#closed) return undefined;
    const contended = this.#contended(late);
    // Another instance may have moved it.
    this.#move(contended, late.actual);
    if (contended.room > 0 || this.#waiting >= WAITING) {
      contended.room -= 1;
      return undefined;
    }
    this.#waiting += 1;
    const { waiting } = contended;
    return new Promise((resolve) => {
      waiting.push((version) => {
        this.#waiting -= 1;
        resolve(withActual(refused, late, version));
      });
    });
  }

  /** Tells all that wait, and lets nobody wait any more. */
  close(): void {
    this.#closed = true;
    for (const contended of this.#streams.values()) this.#tell(contended, contended.waiting.length);
    this.#streams.clear();
  }

  #lateFor({ condition, streams }: AppendRequest): Contended | undefined {
    const [entry] = streams;
    if (this.#streams.size === 0 || entry === undefined || streams.length > 1 || condition !== undefined)
      return undefined;
    const contended = this.#streams.get(streamKey(entry.stream));
    if (contended === undefined) return undefined;
    return isLate({ expected: entry.expectedVersion, actual: contended.version }) ? contended : undefined;
  }

  #contended({ stream, actual }: VersionConflict): Contended {
    const key = streamKey(stream);
    let contended = this.#streams.get(key);
    if (contended === undefined) {
      const now = this.#runtime.monotonic();
      contended = {
        version: actual,
        movedAt: now,
        toldAt: now,
        pace: LEAST_PATIENCE_MILLISECONDS / PATIENCE,
        told: false,
        room: FIRST,
        more: MORE,
        waiting: [],
        returns: new Foresight(),
        run: 0,
      };
      this.#streams.set(key, contended);
      void this.#look();
    }
    return contended;
  }

  #move(contended: Contended, version: bigint): void {
    if (version <= contended.version) return;
    contended.version = version;
    const now = this.#runtime.monotonic();
    const took = now - contended.movedAt;
    // Who does not come back makes it long for once, and others are not to wait longer for that.
    contended.pace += (took - contended.pace) / (took < contended.pace ? 2 : 8);
    contended.movedAt = now;
    contended.toldAt = now;
    contended.told = false;
    contended.more = MORE;
    if (contended.run > 0) contended.returns.held();
    if (contended.waiting.length > 0 && contended.run < RUN && contended.returns.isWorthATry()) {
      contended.run += 1;
      void this.#awaitReturn(contended);
    } else this.#tell(contended, 1);
  }

  /** Tells the next one where who has won does not come back. */
  async #awaitReturn(contended: Contended): Promise<void> {
    const { pace, version } = contended;
    await this.#runtime.sleep(
      Math.min(Math.max(RETURN * pace, LEAST_RETURN_MILLISECONDS), MOST_RETURN_MILLISECONDS),
    );
    if (contended.run === 0 || contended.version !== version) return;
    contended.returns.failed();
    contended.toldAt = this.#runtime.monotonic();
    this.#tell(contended, 1);
  }

  /** Lets so many hear of the version: of those who wait, or else who comes next. */
  #tell(contended: Contended, count: number): void {
    contended.run = 0;
    const tells = contended.waiting.splice(0, count);
    contended.room = count - tells.length;
    for (const tell of tells) {
      contended.told = true;
      tell(contended.version);
    }
  }

  /** Looks after streams that stand still, as long as there are any. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    while (this.#streams.size > 0) {
      await this.#runtime.sleep(LOOK_MILLISECONDS);
      const now = this.#runtime.monotonic();
      for (const [key, contended] of this.#streams) {
        if (now - contended.toldAt < patience(contended)) continue;
        if (contended.waiting.length === 0) this.#streams.delete(key);
        this.#tell(contended, contended.more);
        contended.toldAt = now;
        contended.more *= TIMES;
      }
    }
    this.#looking = false;
  }
}

function patience({ more, pace }: Contended): number {
  const milliseconds = more === MORE ? PATIENCE * pace : pace;
  return Math.min(Math.max(milliseconds, LEAST_PATIENCE_MILLISECONDS), MOST_PATIENCE_MILLISECONDS);
}

/** Whether the version that was expected has passed. One that has yet to come is not waited for. */
function isLate({ expected, actual }: Pick<VersionConflict, 'expected' | 'actual'>): boolean {
  return expected === 'NO_STREAM' || (typeof expected === 'bigint' && expected < actual);
}

function withActual(refused: Refused, late: VersionConflict, actual: bigint): Refused {
  if (actual === late.actual) return refused;
  const conflicts = refused.conflicts.map((conflict) => (conflict === late ? { ...late, actual } : conflict));
  return { ...refused, conflicts };
}
