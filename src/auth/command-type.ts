import type { Existence } from '../core/command.js';
import type { Policy } from './policy.js';

/** A command type: what it is about, and who may send it. */
export interface CommandTypeInfo {
  readonly commandType: string;
  readonly aggregateType: string;
  readonly existence: Existence;
  /** It may be sent if any of these allows it; none: nobody may, unless everybody may do everything. */
  readonly policies: readonly Policy[];
}
