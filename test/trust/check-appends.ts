import { name } from './check-log.js';
import type { Findings } from './findings.js';
import type { AppendOperation, AppendResult } from './history.js';
import type { LoggedAppend, LogIndex } from './log-index.js';

type Appended = Extract<AppendResult, { kind: 'APPENDED' }>;

/** What callers were told against what is in the log. */
export function checkAppends(
  operations: readonly AppendOperation[],
  index: LogIndex,
  findings: Findings,
): void {
  for (const operation of operations) {
    const { result, sent } = operation;
    if (sent.signature === '') continue;
    if (result.kind === 'APPENDED') checkAck(operation, result, index, findings);
    if (result.kind === 'REUSED') checkReused(operation, result, index, findings);
    checkTakenIds(operation, index, findings);
  }
  for (const append of index.appends) {
    checkOrigin(append, index, findings);
    checkRepeats(append, findings);
  }
  for (const [signature, asked] of index.operationsBySignature)
    checkHonesty(index.bySignature.get(signature), asked, findings);
}

function checkAck(operation: AppendOperation, told: Appended, index: LogIndex, findings: Findings): void {
  findings.count('ACK_KEPT');
  const append = index.bySignature.get(operation.sent.signature);
  const who = `${operation.client} append ${operation.number}, answered at ${operation.returned.toFixed(1)} ms`;
  if (append === undefined)
    return findings.violate('ACK_KEPT', `${who} with positions ${told.first}–${told.last}: not in the log`);
  const versions = lastVersions(append);
  const same =
    append.first === told.first &&
    append.last === told.last &&
    append.events[0]?.recordedAt === told.recordedAt &&
    told.eventIds.join() === append.events.map(({ eventId }) => eventId).join() &&
    told.versions.map(([stream, version]) => `${stream}@${version}`).join() === versions.join();
  if (!same)
    findings.violate(
      'ACK_KEPT',
      `${who} was told ${told.first}–${told.last} ${told.versions.map(([, version]) => version).join()} ` +
        `${told.recordedAt}, the log has ${append.first}–${append.last} ${versions.map(name).join()} ` +
        `${append.events[0]?.recordedAt}`,
    );
}

function lastVersions({ events }: LoggedAppend): readonly string[] {
  const versions = new Map<string, number>();
  for (const { stream, version } of events) versions.set(stream, version);
  return [...versions].map(([stream, version]) => `${stream}@${version}`);
}

function checkReused(
  operation: AppendOperation,
  { eventId, position }: Extract<AppendResult, { kind: 'REUSED' }>,
  index: LogIndex,
  findings: Findings,
): void {
  findings.count('REPEAT_ANSWERED');
  const who = `${operation.client} append ${operation.number}`;
  const append = index.byEventId.get(eventId);
  if (index.bySignature.has(operation.sent.signature))
    findings.violate('REPEAT_ANSWERED', `${who} is in the log, and was told EVENT_ID_REUSED`);
  if (!append?.events.some((event) => event.eventId === eventId && event.position === position))
    findings.violate('REPEAT_ANSWERED', `${who} was told that ${eventId} is at ${position}; it is not`);
  else if (append.invokedBy >= operation.returned)
    findings.violate('REPEAT_ANSWERED', `${who} was told of ${eventId} before it was appended`);
}

/** Ids that were known to be in the log, in another append, must be refused. */
function checkTakenIds(operation: AppendOperation, index: LogIndex, findings: Findings): void {
  const { result, sent } = operation;
  if (result.kind !== 'APPENDED' && result.kind !== 'REFUSED') return;
  const taken = sent.streams
    .flatMap(({ events }) => events)
    .find(({ eventId }) => {
      const append = index.byEventId.get(eventId);
      return append && append.signature !== sent.signature && append.knownBy < operation.invoked;
    });
  if (taken)
    findings.violate(
      'REPEAT_ANSWERED',
      `${operation.client} append ${operation.number} used event id ${taken.eventId} of another append and got ${result.kind}`,
    );
}

function checkOrigin(append: LoggedAppend, index: LogIndex, findings: Findings): void {
  findings.count('NOT_INVENTED');
  findings.count('BATCH_WHOLE');
  if (append.operations.length > 0) return;
  const where = `positions ${append.first}–${append.last}`;
  if (append.events.some(({ digest }) => index.sentDigests.has(digest)))
    findings.violate('BATCH_WHOLE', `${where} are a part or a mixture of what was sent`);
  else findings.violate('NOT_INVENTED', `${where} were sent by nobody`);
}

function checkRepeats(append: LoggedAppend, findings: Findings): void {
  const { operations, knownBy } = append;
  const fresh = operations.filter(({ result }) => result.kind === 'APPENDED' && !result.deduplicated);
  if (fresh.length > 1)
    findings.violate(
      'REPEAT_ANSWERED',
      `appends ${fresh.map(({ number }) => number).join(', ')} are the same, and each was told to be the first`,
    );
  if (operations.length < 2) return;
  for (const { invoked, number, result } of operations) {
    if (invoked <= knownBy) continue;
    findings.count('REPEAT_ANSWERED');
    if (result.kind === 'REFUSED' || result.kind === 'REUSED')
      findings.violate(
        'REPEAT_ANSWERED',
        `append ${number} repeats positions ${append.first}–${append.last}, and got ${result.kind}`,
      );
  }
}

function checkHonesty(
  append: LoggedAppend | undefined,
  asked: readonly AppendOperation[],
  findings: Findings,
): void {
  const appended = asked.some(({ result }) => result.kind === 'APPENDED');
  const unknown = asked.filter(({ result }) => result.kind === 'UNKNOWN');
  const failed = asked.filter(({ result }) => result.kind === 'UNKNOWN' || result.kind === 'NOT_APPLIED');
  findings.count('OUTCOME_HONEST', failed.length);
  const numbers = asked.map(({ number, result }) => `${number} ${result.kind}`).join(', ');
  if (append !== undefined && !appended && unknown.length === 0)
    findings.violate('OUTCOME_HONEST', `position ${append.first} is in the log, told was: ${numbers}`);
  if (unknown.length === 0 || appended) return;
  const lastUnknown = Math.max(...unknown.map(({ returned }) => returned));
  const refusals = asked.filter(
    ({ invoked, result }) =>
      invoked >= lastUnknown && (result.kind === 'REFUSED' || result.kind === 'REUSED'),
  );
  if (refusals.length === 0) findings.violate('OUTCOME_HONEST', `never became definite: ${numbers}`);
  else if (append !== undefined && refusals.some(({ result }) => isFinal(result)))
    findings.violate(
      'OUTCOME_HONEST',
      `was refused in the end, and is at ${append.first}: ${numbers}; ${refusals.map(why).join(' and ')}`,
    );
}

/**
 * Whether what was refused can't be applied any more by an earlier try that is still on its way. What was expected can yet
 * come true only of a stream that was not there, or had not come so far. (Nothing is deleted here.)
 */
export function isFinal(result: AppendResult): boolean {
  if (result.kind !== 'REFUSED') return true;
  return result.conflicts.some(
    ({ actual, expected }) =>
      expected === 'NO_STREAM' || (typeof expected === 'bigint' && expected < BigInt(actual)),
  );
}

function why({ result }: AppendOperation): string {
  if (result.kind !== 'REFUSED') return result.kind;
  return result.conflicts
    .map(({ actual, expected, stream }) => `${name(stream)} expected ${expected}, was ${actual}`)
    .join(', ');
}
