import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionFlags } from './connection-options.js';

export interface ProjectionFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** A command about one projection. */
export function addProjectionOptions(command: Command): Command {
  return addConnectionOptions(command.argument('<name>', 'the name of the projection')).option(
    '--json',
    'print as JSON',
  );
}
