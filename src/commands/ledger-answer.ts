import type { Appended } from '../core/append.js';
import type { Executed, LedgerCommand } from '../core/command.js';
import { encodedText } from '../core/encoded-text.js';
import type { EventStore } from '../core/event-store.js';
import type { StreamId } from '../core/stream.js';
import type { CommandHandling } from './middleware.js';

/** What the ledger keeps of an answer; the rest is in the events. */
interface Kept {
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** Left out where only the append can tell: of an aggregate that may have been created anew. */
  readonly version: string | undefined;
}

/** The result that is kept with a command, as JSON. */
export function ledgerResult(aggregate: StreamId, version: bigint | undefined): Uint8Array {
  const { aggregateType, aggregateId } = aggregate;
  const kept: Kept = { aggregateType, aggregateId, version: version?.toString() };
  // Undefined is not written.
  return encodedText(JSON.stringify(kept));
}

/** The answer to a command that the store has just carried out, or found in its ledger. */
export function answerOfAppend(
  appended: Appended,
  { command, aggregate: asked }: Pick<CommandHandling, 'command' | 'aggregate'>,
  decidedOn: bigint,
): Executed {
  const { lastPosition, epoch, eventIds, deduplicated, versions, commandResult } = appended;
  const first = deduplicated ? keptOf(commandResult) : undefined;
  const [written] = versions;
  return {
    aggregate: first?.aggregate ?? written?.stream ?? asked,
    version: written?.version ?? (deduplicated ? first?.version : decidedOn) ?? 0n,
    position: lastPosition,
    epoch,
    commandId: command.commandId,
    eventIds,
    deduplicated,
  };
}

/** The answer to a command that is in the ledger; what is not in its result is read from its events. */
export async function answerOfLedger(
  store: Pick<EventStore, 'load'>,
  ledger: LedgerCommand,
  asked: StreamId,
  signal: AbortSignal,
): Promise<Executed> {
  const { commandId, firstPosition, lastPosition, result } = ledger;
  const first = keptOf(result);
  const eventIds: string[] = [];
  let [version, epoch, stream] = [first?.version ?? 0n, 0n, first?.aggregate];
  if (lastPosition > 0n) {
    const filters = [{ positions: { first: firstPosition, last: lastPosition } }];
    for await (const page of store.load({ filters }, { signal })) {
      epoch = page.epoch;
      for (const event of page.events) {
        eventIds.push(event.eventId);
        version = event.version;
        stream ??= event.stream;
      }
    }
  }
  return {
    aggregate: stream ?? asked,
    version,
    position: lastPosition,
    epoch,
    commandId,
    eventIds,
    deduplicated: true,
  };
}

/** What was kept; `undefined` if it was erased. */
function keptOf(
  result: Uint8Array | undefined,
): { readonly aggregate: StreamId; readonly version: bigint | undefined } | undefined {
  if (result === undefined || result.byteLength === 0) return undefined;
  const { aggregateType, aggregateId, version } = JSON.parse(new TextDecoder().decode(result)) as Kept;
  return {
    aggregate: { aggregateType, aggregateId },
    version: version === undefined ? undefined : BigInt(version),
  };
}
