import type { Usage } from './child.js';
import type { Machine } from './machine.js';
import type { Row } from './row.js';

/** All of a run; what `--json` prints. */
export interface Result {
  readonly machine: Machine;
  readonly postgres: {
    readonly version: string;
    readonly settings: Readonly<Record<string, string>>;
  };
  readonly mode: 'quick' | 'full';
  readonly rows: readonly Row[];
  /** Of the service's process, over all rows. */
  readonly service?: Usage;
  readonly seconds: number;
}
