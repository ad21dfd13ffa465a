import type { Appended, AppendOutcome, VersionConflict } from '../core/append.js';
import {
  CommandIdReusedError,
  EventIdReusedError,
  LogEpochChangedError,
  PositionUnknownError,
  StreamDeletedError,
} from '../core/errors.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import { type StreamVersion, streamKey } from '../core/stream.js';
import { byteaArray, int4Array, int8Array, textArray } from './binary-array.js';
import type { Row } from './database.js';
import { eventParameters } from './event-parameters.js';
import { type FoundAppend, type FoundCommand, whereFound } from './found-append.js';
import { type GroupLane, type GroupStatement, groupStatement, type NotFollowed } from './group-lane.js';
import { arrayLiteral, type PreparedAppend, type PreparedEvent } from './prepared-append.js';

const NOTHING = new Uint8Array(0);

/** What became of one request of a group. */
export type Verdict =
  | AppendOutcome
  | EventIdReusedError
  | CommandIdReusedError
  | StreamDeletedError
  | PositionUnknownError
  | LogEpochChangedError;

/** Decides and writes groups, whatever they are, each request by what the ones before it have left. */
export class DecidedAppends {
  readonly #lane: GroupLane;
  readonly #plain: GroupStatement;
  /** The ledger takes four more parameters, which groups without commands are spared. */
  readonly #withCommands: GroupStatement;

  constructor({ lane, schema }: { readonly lane: GroupLane; readonly schema: string }) {
    const columns =
      'verdicts, entry_versions::text, head_before, (extract(epoch FROM recorded_at) * 1000000)::bigint, epoch, details, failed_entries::text';
    this.#lane = lane;
    this.#plain = groupStatement(schema, { name: 'append', columns, parameters: 21 });
    this.#withCommands = groupStatement(schema, { name: 'append', columns, parameters: 25 });
  }

  async append(group: readonly PreparedAppend[]): Promise<readonly Verdict[]> {
    const answer = await this.#send(group, false);
    if (answer === 'NOT_FOLLOWED') throw new Error('The append function gave no row');
    return answer;
  }

  /** Sends the group behind the one that is under way. */
  follow(group: readonly PreparedAppend[]): Promise<readonly Verdict[] | NotFollowed> {
    return this.#send(group, true);
  }

  async #send(group: readonly PreparedAppend[], follows: boolean): Promise<readonly Verdict[] | NotFollowed> {
    const commands = group.some(({ request }) => request.command !== undefined);
    const row = await this.#lane.send(
      commands ? this.#withCommands : this.#plain,
      commands ? [...parameters(group), ...commandParameters(group)] : parameters(group),
      { follows },
    );
    return row === undefined ? 'NOT_FOLLOWED' : verdicts(group, row);
  }
}

function commandParameters(group: readonly PreparedAppend[]): readonly Buffer[] {
  const entries = group.map(({ request }) => request.command);
  return [
    textArray(entries.map((entry) => entry?.commandId ?? '')),
    textArray(entries.map((entry) => entry?.commandType ?? '')),
    byteaArray(entries.map((entry) => entry?.bodyHash ?? NOTHING)),
    byteaArray(entries.map((entry) => entry?.result ?? NOTHING)),
  ];
}

function parameters(group: readonly PreparedAppend[]): readonly (Buffer | null)[] {
  const streams = new Map<string, number>();
  const aggregateTypes: string[] = [];
  const aggregateIds: string[] = [];
  const requestEntries: number[] = [];
  const entryStreams: number[] = [];
  const entryExpected: bigint[] = [];
  const entryEvents: number[] = [];
  const eventEntries: number[] = [];
  const events: PreparedEvent[] = [];
  let someConditions = false;
  const conditionAfters: bigint[] = [];
  const conditionEpochs: bigint[] = [];
  const conditionChecked: bigint[] = [];
  const itemRequests: number[] = [];
  const itemTypes: string[] = [];
  const itemTags: string[] = [];
  for (const { entries, request, conditionChecked: checked } of group) {
    requestEntries.push(entries.length);
    const { condition } = request;
    someConditions ||= condition !== undefined;
    conditionAfters.push(condition === undefined ? -1n : (condition.after?.position ?? 0n));
    // The older of the two is the caller's, and without one what was checked is tied to the epoch of the check.
    conditionEpochs.push(condition?.after?.epoch || checked.epoch);
    conditionChecked.push(checked.position);
    for (const { eventTypes = [], tags = [] } of condition?.items ?? []) {
      itemRequests.push(requestEntries.length);
      itemTypes.push(arrayLiteral(eventTypes));
      itemTags.push(arrayLiteral(tags));
    }
    for (const entry of entries) {
      const key = streamKey(entry.stream);
      let index = streams.get(key);
      if (index === undefined) {
        aggregateTypes.push(entry.stream.aggregateType);
        aggregateIds.push(entry.stream.aggregateId);
        index = aggregateTypes.length;
        streams.set(key, index);
      }
      entryStreams.push(index);
      entryExpected.push(expectedNumber(entry.expected));
      entryEvents.push(entry.events.length);
      for (const event of entry.events) {
        eventEntries.push(entryStreams.length);
        events.push(event);
      }
    }
  }
  return [
    textArray(aggregateTypes),
    textArray(aggregateIds),
    int4Array(requestEntries),
    int4Array(entryStreams),
    int8Array(entryExpected),
    int4Array(entryEvents),
    someConditions ? int8Array(conditionAfters) : null,
    someConditions ? int8Array(conditionEpochs) : null,
    someConditions ? int8Array(conditionChecked) : null,
    someConditions ? int4Array(itemRequests) : null,
    someConditions ? textArray(itemTypes) : null,
    someConditions ? textArray(itemTags) : null,
    int4Array(eventEntries),
    ...eventParameters(events),
  ];
}

/** The number by which the functions know an expected version. */
export function expectedNumber(expected: ExpectedVersion): bigint {
  switch (expected) {
    case 'NO_STREAM':
      return 0n;
    case 'STREAM_EXISTS':
      return -1n;
    case 'ANY':
      return -2n;
    default:
      return expected;
  }
}

/** What the function says about a verdict that is neither A nor R. */
interface Detail extends FoundCommand {
  readonly reused?: { readonly event_id: string; readonly position: string };
  readonly deleted: readonly [string, string];
  readonly condition_position: string;
  readonly head: string;
  readonly last_common_position: string;
  readonly current_epoch: string;
}

function verdicts(group: readonly PreparedAppend[], row: Row): readonly Verdict[] {
  const [letters = '', versionsText, headBefore, recordedAtText, epochText, detailsText, failedText] = row;
  // As '{1,2,3}'.
  const versions = (versionsText ?? '{}').slice(1, -1).split(',');
  const failed = new Set((failedText ?? '{}').slice(1, -1).split(','));
  const recordedAt = BigInt(recordedAtText ?? 0);
  const epoch = BigInt(epochText ?? 0);
  const details = JSON.parse(detailsText ?? '[]') as Detail[];
  let position = BigInt(headBefore ?? 0);
  let entryIndex = 0;
  return group.map((prepared, index): Verdict => {
    const firstEntry = entryIndex;
    const actual = prepared.entries.map(() => BigInt(versions[entryIndex++] ?? 0));
    const letter = letters?.[index] ?? '';
    const detail = letter === 'A' || letter === 'R' ? undefined : details.shift();
    switch (letter) {
      case 'A': {
        const firstPosition = prepared.events > 0 ? position + 1n : 0n;
        position += BigInt(prepared.events);
        return {
          outcome: 'APPENDED',
          firstPosition,
          lastPosition: prepared.events > 0 ? position : 0n,
          versions: writtenVersions(prepared, actual),
          eventIds: prepared.eventIds,
          recordedAt: prepared.events > 0 ? recordedAt : undefined,
          epoch,
          deduplicated: false,
        };
      }
      case 'R':
        return { outcome: 'REFUSED', conflicts: conflicts(prepared, actual, firstEntry, failed) };
      default:
        if (detail === undefined) throw new Error(`The append function gave no verdict for request ${index}`);
        return otherVerdict(letter, detail, prepared, epoch);
    }
  });
}

function repeated(found: FoundAppend, epoch: bigint): Omit<Appended, 'eventIds'> {
  const where = whereFound(found);
  return {
    outcome: 'APPENDED',
    ...where,
    recordedAt: where.firstPosition === 0n ? undefined : BigInt(found.recorded_at),
    epoch,
    deduplicated: true,
  };
}

function otherVerdict(letter: string, detail: Detail, prepared: PreparedAppend, epoch: bigint): Verdict {
  const after = prepared.request.condition?.after;
  const position = after?.position ?? 0n;
  switch (letter) {
    case 'D':
      return { ...repeated(detail, epoch), eventIds: prepared.eventIds };
    case 'M':
      return {
        ...repeated(detail, epoch),
        eventIds: detail.event_ids,
        commandResult: Buffer.from(detail.result, 'hex'),
      };
    case 'K':
      return new CommandIdReusedError(prepared.request.command?.commandId ?? '');
    case 'X':
      return new EventIdReusedError(detail.reused?.event_id ?? '', BigInt(detail.reused?.position ?? 0));
    case 'G': {
      const [aggregateType, aggregateId] = detail.deleted;
      return new StreamDeletedError({ aggregateType, aggregateId });
    }
    case 'C':
      return { outcome: 'REFUSED', conflicts: [], conditionFailedAt: BigInt(detail.condition_position) };
    case 'P':
      return new PositionUnknownError(position, after?.epoch ?? 0n, BigInt(detail.head));
    case 'E':
      return new LogEpochChangedError(
        position,
        after?.epoch ?? 0n,
        BigInt(detail.last_common_position),
        BigInt(detail.current_epoch),
      );
    default:
      throw new Error(`The append function gave the verdict ${JSON.stringify(letter)}`);
  }
}

function writtenVersions(prepared: PreparedAppend, actual: readonly bigint[]): readonly StreamVersion[] {
  const written: StreamVersion[] = [];
  prepared.entries.forEach(({ stream, events }, index) => {
    if (events.length > 0) written.push({ stream, version: actual[index] ?? 0n });
  });
  return written;
}

function conflicts(
  prepared: PreparedAppend,
  actual: readonly bigint[],
  firstEntry: number,
  failed: ReadonlySet<string>,
): readonly VersionConflict[] {
  return prepared.entries.flatMap(({ stream, expected }, index) =>
    // Counted from 1 in the database.
    failed.has(String(firstEntry + index + 1)) ? [{ stream, expected, actual: actual[index] ?? 0n }] : [],
  );
}
