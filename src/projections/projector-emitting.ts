import { type EmitContext, Emitter, type EmitterOptions } from './emit.js';
import type { ContextExtension } from './projector-handlers.js';

/**
 * Lets handlers emit: their context has `emit` and `linkTo`. What an event's handlers emitted is appended before its
 * position is kept; events in the projection's own streams are not handled.
 *
 * @example
 * defineProjector({ …, extension: emitting({ store, projection: 'by-owner', emits: ['OwnerIndex'] }) });
 */
export function emitting(options: EmitterOptions): ContextExtension<EmitContext> {
  return {
    open: async (_lease, opening) => {
      const emitter = await Emitter.open(options, opening);
      return {
        begin: ({ event }) => {
          if (emitter.isOwn(event)) return undefined;
          const emission = emitter.of(event);
          return {
            more: {
              emit: (stream, made) => emission.emit(stream, made),
              linkTo: (stream, other) => emission.linkTo(stream, other),
            },
            done: (signal) => emitter.append(emission, signal),
          };
        },
        deleteEmitted: (signal) => emitter.deleteEmitted(signal),
      };
    },
  };
}
