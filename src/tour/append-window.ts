import type { Appended, AppendRequest } from '../core/append.js';
import type { EventLog } from '../core/event-store.js';
import { streamKey } from '../core/stream.js';
import { callOptions } from './imported-history.js';

/** An append on its way, with what the tour knows of it. */
export interface SentAppend {
  readonly commit: string;
  readonly request: AppendRequest;
  readonly events: number;
  readonly bytes: number;
  /** Whether the commit is in the log as a whole with it. */
  readonly last: boolean;
}

/** An append that was refused, or answered otherwise than was predicted: the log is not as the importer thinks. */
export class AppendFailure extends Error {
  override readonly name = 'AppendFailure';
  constructor(
    readonly append: SentAppend,
    options?: ErrorOptions,
  ) {
    super(`An append of commit ${append.commit} failed`, options);
  }
}

export interface AppendWindowOptions {
  readonly store: EventLog;
  readonly signal: AbortSignal | undefined;
  /** Appends under way at most. */
  readonly inFlight: number;
  readonly onAppended: (append: SentAppend, answer: Appended) => void;
}

/** Also bounds what is under way, since one append may have 4 MiB. */
const BYTES = 8 * 1024 * 1024;

type Answer = { readonly appended: Appended } | { readonly error: unknown };

/** Appends under way, in the order in which they were sent and are decided; a bounded number of them. */
export class AppendWindow {
  readonly #options: AppendWindowOptions;
  #underWay: { readonly append: SentAppend; readonly answer: Promise<Answer> }[] = [];
  #bytes = 0;
  #failure: AppendFailure | undefined;

  constructor(options: AppendWindowOptions) {
    this.#options = options;
  }

  /**
   * Resolves when it is sent and there is room for the next.
   *
   * @throws {AppendFailure} of the first that failed, when those behind it are answered too.
   */
  async send(append: SentAppend): Promise<void> {
    const { inFlight } = this.#options;
    this.#underWay.push({ append, answer: this.#append(append) });
    this.#bytes += append.bytes;
    while (this.#underWay.length >= inFlight || (this.#bytes > BYTES && this.#underWay.length > 1))
      await this.#settleOldest();
    if (this.#failure !== undefined) await this.drain();
  }

  /** Sends it with nothing else under way, and resolves with its answer, whether or not that was predicted. */
  async sendAlone(append: SentAppend): Promise<Appended> {
    await this.drain();
    const answer = await this.#append(append);
    if ('error' in answer) throw new AppendFailure(append, { cause: answer.error });
    this.#options.onAppended(append, answer.appended);
    return answer.appended;
  }

  /** Resolves when all are answered. */
  async drain(): Promise<void> {
    while (this.#underWay.length > 0) await this.#settleOldest();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #append({ request }: SentAppend): Promise<Answer> {
    const { store, signal } = this.#options;
    return store.append({ ...request, onConflict: 'THROW' }, callOptions(signal)).then(
      (appended): Answer => ({ appended }),
      (error: unknown): Answer => ({ error }),
    );
  }

  async #settleOldest(): Promise<void> {
    const [oldest] = this.#underWay;
    if (oldest === undefined) return;
    const { append } = oldest;
    const answer = await oldest.answer;
    this.#underWay.shift();
    this.#bytes -= append.bytes;
    if ('error' in answer) {
      this.#failure ??= new AppendFailure(append, { cause: answer.error });
      return;
    }
    this.#options.onAppended(append, answer.appended);
    if (!isAsPredicted(append.request, answer.appended)) this.#failure ??= new AppendFailure(append);
  }
}

/** A repeat is answered with the versions of its first time, which need not be those that were expected. */
function isAsPredicted(request: AppendRequest, { versions, deduplicated }: Appended): boolean {
  if (!deduplicated) return true;
  const answered = new Map(versions.map(({ stream, version }) => [streamKey(stream), version]));
  return request.streams.every(({ stream, expectedVersion, events }) => {
    const before = typeof expectedVersion === 'bigint' ? expectedVersion : 0n;
    return answered.get(streamKey(stream)) === before + BigInt(events.length);
  });
}
