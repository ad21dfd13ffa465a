import path from 'node:path';
import { inject } from 'vitest';
import { type CommandResult, headwater, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

/** The service with the domain of `till-domain.js`, and the command line that talks to it. */
export interface TillService {
  readonly address: string;
  run(args: readonly string[], input?: string): Promise<CommandResult>;
  close(): Promise<void>;
}

export async function serveTill(): Promise<TillService> {
  const schema = newSchemaName();
  const domain = path.resolve(import.meta.dirname, 'till-domain.js');
  const service = await serve(['--namespace', schema, '--domain', domain], urlOf(inject('connection')));
  return {
    address: service.address,
    run: (args, input) =>
      headwater([...args, '--address', service.address], input === undefined ? {} : { input }),
    close: async () => {
      await service.kill('SIGTERM');
      const database = openDatabase();
      await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
      await database.close();
    },
  };
}

/** Somebody who may open tills anywhere. */
export const MANAGER = ['--as', 'ada', '--binding', 'manager@city'];
