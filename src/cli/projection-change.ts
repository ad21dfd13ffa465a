import { Command } from 'commander';
import type { CallOptions } from '../core/call-options.js';
import type { Projection, ProjectionControl } from '../core/projections.js';
import { confirm } from './confirm.js';
import { withConnection } from './connection-options.js';
import { Output } from './output.js';
import { projectionToJson } from './projection-json.js';
import { addProjectionOptions, type ProjectionFlags } from './projection-options.js';

/** A change that only names the projection. */
interface Change {
  readonly word: string;
  readonly description: string;
  readonly help: string;
  readonly told: string;
  readonly change: (
    projections: ProjectionControl,
    name: string,
    options: CallOptions,
  ) => Promise<Projection>;
}

const CHANGES: readonly Change[] = [
  {
    word: 'pause',
    description: 'have a projection do nothing until it is resumed; its runner stands by',
    help: 'What was handled stays. Its runner heeds it within seconds.',
    told: 'will pause within seconds',
    change: (projections, name, options) => projections.pause(name, options),
  },
  {
    word: 'resume',
    description: 'have a projection go on: after a pause, a stop, or a failure, whose event is tried again',
    help: 'Its runner heeds it within seconds; after a stop, a runner has to be there.',
    told: 'goes on',
    change: (projections, name, options) => projections.resume(name, options),
  },
  {
    word: 'stop',
    description: 'have the runners of a projection leave it',
    help: 'What was handled stays. Runners that are started get no lease until it is resumed.',
    told: 'will stop within seconds',
    change: (projections, name, options) => projections.stop(name, options),
  },
];

export function projectionChangeCommands(): readonly Command[] {
  return CHANGES.map(({ change, description, help, told, word }) =>
    addProjectionOptions(new Command(word))
      .description(description)
      .addHelpText('after', `\n${help}\n\nExamples:\n  headwater projection ${word} balances`)
      .action(async (name: string, flags: ProjectionFlags) => {
        await withConnection(flags, async ({ projections }, signal) => {
          await printChanged(await change(projections, name, { signal }), told, flags);
        });
      }),
  );
}

interface ResetFlags extends ProjectionFlags {
  readonly deleteEmitted?: boolean;
  readonly yes?: boolean;
}

export function projectionResetCommand(): Command {
  return addProjectionOptions(new Command('reset'))
    .description('have a projection begin anew where it stands: readers see it empty, and grow again')
    .option('--delete-emitted', 'also delete the streams to which it emitted events')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
"headwater projection rebuild" builds it anew beside the one that readers see.

Examples:
  headwater projection reset balances --yes`,
    )
    .action(async (name: string, flags: ResetFlags) => {
      await withConnection(flags, async ({ projections }, signal) => {
        const { live } = await projections.get(name, { signal });
        await confirm({
          loss: `What projection ${name} has built up to position ${live.position.position} is thrown away and built anew`,
          word: name,
          yes: flags.yes ?? false,
          json: flags.json ?? false,
          signal,
        });
        const request = { name, deleteEmitted: flags.deleteEmitted ?? false };
        await printChanged(await projections.reset(request, { signal }), 'begins anew', flags);
      });
    });
}

interface DeleteFlags extends ResetFlags {
  readonly forget?: boolean;
}

export function projectionDeleteCommand(): Command {
  return addProjectionOptions(new Command('delete'))
    .description('delete a projection with its state; tables of its own are deleted by a runner first')
    .option('--forget', 'do not wait for a runner: what it has elsewhere stays')
    .option('--delete-emitted', 'also have a runner delete the streams to which it emitted events')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
A runner that still works on it makes it anew: stop the program first, unless it has to delete tables.

Examples:
  headwater projection delete balances --yes
  headwater projection delete orders_by_day --forget --yes`,
    )
    .action(async (name: string, flags: DeleteFlags) => {
      await withConnection(flags, async ({ projections }, signal) => {
        const { live } = await projections.get(name, { signal });
        await confirm({
          loss: `What is kept of projection ${name} up to position ${live.position.position} is deleted`,
          word: name,
          yes: flags.yes ?? false,
          json: flags.json ?? false,
          signal,
        });
        const { deleteEmitted = false, forget = false } = flags;
        const deleted = await projections.delete({ name, forget, deleteEmitted }, { signal });
        await new Output().line(
          flags.json
            ? JSON.stringify({ name, deleted })
            : `Projection ${name} is deleted${deleted ? '' : ' as soon as a runner has deleted what it has of its own; --forget does not wait for one'}`,
        );
      });
    });
}

/** What became of it: a sentence, or the projection as JSON. */
export async function printChanged(
  projection: Projection,
  told: string,
  flags: ProjectionFlags,
): Promise<void> {
  await new Output().line(
    flags.json ? JSON.stringify(projectionToJson(projection)) : `Projection ${projection.name} ${told}`,
  );
}
