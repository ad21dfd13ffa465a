/** A worker will not decide this command; another may. */
export class WorkerFailed extends Error {
  /** It was never sent to it. */
  readonly untouched: boolean;
  constructor(message: string, { untouched = false }: { readonly untouched?: boolean } = {}) {
    super(message);
    this.name = new.target.name;
    this.untouched = untouched;
  }
}
