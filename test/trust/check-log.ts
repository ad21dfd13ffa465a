import type { Findings } from './findings.js';
import type { FinalLog } from './history.js';

/** The log by itself: dense, contiguous, unique, forward in time, and the same however it is read. */
export function checkLog({ bySql, byLoad, head }: FinalLog, findings: Findings): void {
  const versions = new Map<string, number>();
  const ids = new Map<string, number>();
  let position = 0;
  let recordedAt = 0;
  findings.count('POSITIONS_DENSE', bySql.length);
  findings.count('VERSIONS_CONTIGUOUS', bySql.length);
  findings.count('ID_UNIQUE', bySql.length);
  findings.count('TIME_FORWARD', bySql.length);
  for (const event of bySql) {
    if (event.position !== position + 1)
      findings.violate('POSITIONS_DENSE', `position ${event.position} follows ${position}`);
    position = event.position;
    const version = (versions.get(event.stream) ?? 0) + 1;
    versions.set(event.stream, event.version);
    if (event.version !== version)
      findings.violate(
        'VERSIONS_CONTIGUOUS',
        `${name(event.stream)} has version ${event.version} at position ${position}, expected ${version}`,
      );
    const other = ids.get(event.eventId);
    if (other !== undefined)
      findings.violate('ID_UNIQUE', `event id ${event.eventId} is at positions ${other} and ${position}`);
    ids.set(event.eventId, position);
    if (event.recordedAt < recordedAt)
      findings.violate('TIME_FORWARD', `position ${position} was recorded before ${position - 1}`);
    recordedAt = event.recordedAt;
  }
  if (head !== position)
    findings.violate('POSITIONS_DENSE', `the head is ${head}, the last event is at ${position}`);
  checkReads({ bySql, byLoad, head }, findings);
}

function checkReads({ bySql, byLoad }: FinalLog, findings: Findings): void {
  findings.count('READS_AGREE', Math.min(bySql.length, byLoad.length));
  if (bySql.length !== byLoad.length)
    findings.violate('READS_AGREE', `SQL tells ${bySql.length} events, Load ${byLoad.length}`);
  bySql.forEach((one, index) => {
    const other = byLoad[index];
    if (other === undefined) return;
    if (
      one.position !== other.position ||
      one.digest !== other.digest ||
      one.version !== other.version ||
      one.recordedAt !== other.recordedAt
    )
      findings.violate(
        'READS_AGREE',
        `SQL tells ${name(one.stream)} version ${one.version} at ${one.position}, Load ${name(other.stream)} ` +
          `version ${other.version} at ${other.position}, or their content differs`,
      );
  });
}

/** A stream's key for a person. */
export function name(stream: string): string {
  return stream.replace('\n', '/');
}
