import type { CommandTypeInfo } from './decider.js';
import type { Aggregate, AggregateCommand } from './aggregate.js';

/** A command type with all that is needed to decide it. */
export interface RegisteredCommand extends CommandTypeInfo {
  readonly aggregate: Aggregate;
  readonly data: AggregateCommand['data'];
  readonly decide: AggregateCommand['decide'];
}
