import type { Appended } from '../core/append.js';
import type { Executed, LedgerCommand } from '../core/command.js';
import { encodedText } from '../core/encoded-text.js';
import type { NewEvent } from '../core/event.js';
import type { StreamId } from '../core/stream.js';
import type { CommandHandling } from './middleware.js';

/** What the ledger keeps of the answer to a command without events. */
interface Kept {
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** Rows from before 0011_results_by_position may be without it; those have events, which tell it. */
  readonly version?: string;
}

const NOTHING = new Uint8Array(0);

/** The result that is kept with a command, as JSON: nothing of one with events, for the answer is in those. */
export function ledgerResult(
  { aggregateId, aggregateType }: StreamId,
  version: bigint,
  events: readonly NewEvent[],
): Uint8Array {
  if (events.length > 0) return NOTHING;
  const kept: Kept = { aggregateType, aggregateId, version: version.toString() };
  return encodedText(JSON.stringify(kept));
}

/** The answer to a command that the store has just carried out, or found in its ledger. */
export function answerOfAppend(
  appended: Appended,
  { command, aggregate: asked }: Pick<CommandHandling, 'command' | 'aggregate'>,
  decidedOn: bigint,
): Executed {
  const { commandResult, deduplicated } = appended;
  const kept = deduplicated ? keptOf(commandResult, asked) : { aggregate: asked, version: decidedOn };
  return answer(command.commandId, appended, deduplicated, kept);
}

/** The answer to a command that is in the ledger. */
export function answerOfLedger(ledger: LedgerCommand, asked: StreamId): Executed {
  return answer(ledger.commandId, ledger, true, keptOf(ledger.result, asked));
}

/** By the events where there are some, else by what was kept. */
function answer(
  commandId: string,
  {
    epoch,
    eventIds,
    lastPosition,
    versions,
  }: Pick<Appended, 'epoch' | 'eventIds' | 'lastPosition' | 'versions'>,
  deduplicated: boolean,
  kept: { readonly aggregate: StreamId; readonly version: bigint },
): Executed {
  const [written] = versions;
  return {
    aggregate: written?.stream ?? kept.aggregate,
    version: written?.version ?? kept.version,
    position: lastPosition,
    epoch,
    commandId,
    eventIds,
    deduplicated,
  };
}

function keptOf(
  result: Uint8Array | undefined,
  asked: StreamId,
): { readonly aggregate: StreamId; readonly version: bigint } {
  if (result === undefined || result.byteLength === 0) return { aggregate: asked, version: 0n };
  const { aggregateType, aggregateId, version = '0' } = JSON.parse(new TextDecoder().decode(result)) as Kept;
  return { aggregate: { aggregateType, aggregateId }, version: BigInt(version) };
}
