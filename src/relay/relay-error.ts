/** A message that is no event of Headwater's, in neither encoding. Trying again does not help. */
export class UndecodableMessageError extends Error {
  override readonly name = 'UndecodableMessageError';
  /** @param problem what is wrong with it, in words for people */
  constructor(problem: string, options?: ErrorOptions) {
    super(`The message is no event: ${problem}`, options);
  }
}

/** A broker did not confirm all events. Publish again, beginning with the first that was not confirmed. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  /** @param confirmed how many events, counted from the first, are confirmed */
  constructor(
    readonly confirmed: number,
    cause: unknown,
  ) {
    super(`The broker did not confirm: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** The package that speaks to the broker is not installed. */
export class MissingPackageError extends Error {
  override readonly name = 'MissingPackageError';
  constructor(packages: readonly string[], cause: unknown) {
    super(`The relay needs ${packages.join(' and ')}: npm install ${packages.join(' ')}`, { cause });
  }
}

/** What the broker kept for a handler is gone, so events may have passed it. Add it again, and read what was missed. */
export class MissedEventsError extends Error {
  override readonly name = 'MissedEventsError';
  constructor(what: string, options?: ErrorOptions) {
    super(
      `${what} is gone, so events may have been missed: it was away for too long, or it was deleted`,
      options,
    );
  }
}
