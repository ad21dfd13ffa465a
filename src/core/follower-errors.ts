import { HeadwaterError } from './errors.js';

/** There is no consumer group of that name. */
export class GroupNotFoundError extends HeadwaterError {
  override readonly reason = 'GROUP_NOT_FOUND';
  constructor(readonly group: string) {
    super(`Consumer group ${group} does not exist`, { outcome: 'NOT_APPLIED' });
  }
}

/** The consumer group is there with another selection, settings or slots. Update it, or take another name. */
export class GroupExistsError extends HeadwaterError {
  override readonly reason = 'GROUP_EXISTS';
  constructor(readonly group: string) {
    super(`Consumer group ${group} exists already, and is another: update it, or take another name`, {
      outcome: 'NOT_APPLIED',
    });
  }
}

/** There is no projection of that name. */
export class ProjectionNotFoundError extends HeadwaterError {
  override readonly reason = 'PROJECTION_NOT_FOUND';
  constructor(readonly projection: string) {
    super(`Projection ${projection} does not exist`, { outcome: 'NOT_APPLIED' });
  }
}

/** The projection is of another kind, or in a state in which this cannot be done. */
export class ProjectionConflictError extends HeadwaterError {
  override readonly reason = 'PROJECTION_CONFLICT';
  /** @param message why, in words for the caller */
  constructor(
    readonly projection: string,
    message: string,
  ) {
    super(message, { outcome: 'NOT_APPLIED' });
  }
}

/** The live generation of the projection is of a later version of its rule. Run the newer program. */
export class ProjectionSupersededError extends HeadwaterError {
  override readonly reason = 'PROJECTION_SUPERSEDED';
  constructor(
    readonly projection: string,
    readonly definitionVersion: number,
  ) {
    super(
      `Projection ${projection} is at version ${definitionVersion} of its rule, which is later than this program's`,
      { outcome: 'NOT_APPLIED' },
    );
  }
}

/** What was leased is another's by now, or was taken back. Nothing was written; acquire it anew. */
export class LeaseLostError extends HeadwaterError {
  override readonly reason = 'LEASE_LOST';
  /**
   * @param holder the member of a group, or the projection
   * @param fence of the lease that was lost; 0 if unknown
   */
  constructor(
    readonly holder: string,
    readonly fence: bigint = 0n,
  ) {
    super(`The lease of ${holder} was lost: another has it, or may have it`, { outcome: 'NOT_APPLIED' });
  }
}
