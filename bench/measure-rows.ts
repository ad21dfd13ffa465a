import { version } from '../src/version.js';
import { commit } from './checkout.js';
import type { Options } from './options.js';
import { progress } from './progress.js';
import { RESULT_FORMAT, type Result } from './result.js';
import type { Measurement, Row } from './row.js';
import { settle } from './settle.js';
import type { Stage } from './stage.js';
import { warmUp } from './warm-up.js';

export interface MeasureOptions {
  readonly options: Options;
  readonly measurements: readonly Measurement[];
}

/** Measures one row after the other on the stage, and closes it. A row that fails is told of, and the next one measured. */
export async function measureRows(stage: Stage, { options, measurements }: MeasureOptions): Promise<Result> {
  const began = Date.now();
  const rows: Row[] = [];
  const failures: Result['failures'][number][] = [];
  const notes = new Set<string>();
  if (stage.postgres.postmaster === undefined)
    notes.add(
      "The database's CPU and memory could not be seen: its processes are not on this machine, or it is not Linux.",
    );
  try {
    progress('warming up');
    await warmUp(stage, options.warmUpMilliseconds);
    for (const [index, measurement] of measurements.entries()) {
      const { about, id } = measurement;
      const refused = await settle(stage);
      if (refused !== undefined)
        notes.add(`What rows leave to be done could not be done before the next one: ${refused}.`);
      progress(`${index + 1}/${measurements.length}  ${id}: ${about}`);
      try {
        rows.push(...(await measurement.measure(stage, options)));
      } catch (error) {
        // After Ctrl-C everything fails.
        if (stage.closed) throw error;
        failures.push({ id, error: error instanceof Error ? error.message : String(error) });
        progress(`${id} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      }
    }
    progress('cleaning up');
    const service = await stage.close();
    const checkedOut = commit();
    return {
      format: RESULT_FORMAT,
      headwater: { version: version(), ...(checkedOut === undefined ? {} : { commit: checkedOut }) },
      startedAt: new Date(began).toISOString(),
      machine: stage.machine,
      postgres: {
        version: stage.postgres.version,
        kind: stage.postgres.kind,
        settings: stage.postgres.settings,
      },
      mode: options.quick ? 'quick' : 'full',
      rounds: options.rounds,
      turnMilliseconds: options.turnMilliseconds,
      rows,
      failures,
      notes: [...notes],
      ...(service ? { service } : {}),
      seconds: (Date.now() - began) / 1000,
    };
  } finally {
    await stage.close();
  }
}
