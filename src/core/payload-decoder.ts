import { InvalidRequestError } from './errors.js';
import type { Event } from './event.js';
import type { RegisteredEventType } from './event-type-definition.js';
import { PayloadError, SchemaVersionTooNewError, UnknownEventTypeError } from './payload-errors.js';
import { isSystemEventType } from './system-events.js';
import { Upcast, type UpcastEvent } from './upcasting.js';

/** A stored event with its payload, or without one if there is nothing to decode. */
type WithPayload = Event & { readonly payload: unknown };

/** Parses, upcasts, validates. */
export class PayloadDecoder {
  readonly #types: ReadonlyMap<string, RegisteredEventType>;
  readonly #unknown: 'throw' | 'pass';
  /** However an event is upcast, it takes no step twice. */
  readonly #steps: number;

  constructor(types: ReadonlyMap<string, RegisteredEventType>, unknown: 'throw' | 'pass') {
    this.#types = types;
    this.#unknown = unknown;
    this.#steps = [...types.values()].reduce((steps, { upcasters }) => steps + upcasters.size, 0);
  }

  decodeOne(event: Event): WithPayload {
    const [one, ...more] = this.decode(event);
    if (one === undefined || more.length > 0)
      throw new PayloadError(
        event,
        `its upcasters make ${one === undefined ? 'none' : more.length + 1} of it: use decodeEach or decodeAll`,
      );
    return one;
  }

  decode(event: Event): readonly WithPayload[] {
    if (event.erased || isSystemEventType(event.eventType)) return [{ ...event, payload: undefined }];
    const registered = this.#types.get(event.eventType);
    if (registered === undefined) {
      if (this.#unknown === 'throw') throw new UnknownEventTypeError(event);
      return [{ ...event, payload: undefined }];
    }
    const { eventType, schemaVersion } = event;
    const parser = registered.parsers.get(schemaVersion);
    if (parser === undefined) throw new SchemaVersionTooNewError(event, registered.schemaVersion);
    const payload = attempt(
      event,
      () => `its data, ${event.contentType}, cannot be read`,
      () => parser.parse(event.data, event.contentType),
    );
    return this.#newest({ eventType, schemaVersion, payload }, event, 0);
  }

  #newest(one: UpcastEvent, event: Event, steps: number): readonly WithPayload[] {
    const { eventType, schemaVersion, payload } = one;
    const named = () => `${eventType} version ${schemaVersion}`;
    const registered = this.#types.get(eventType);
    if (registered === undefined || !registered.parsers.has(schemaVersion))
      throw new PayloadError(event, `its upcasters make it ${named()}, which nobody registered`);
    const { codec } = registered;
    const upcaster = registered.upcasters.get(schemaVersion);
    if (upcaster === undefined) {
      const valid = attempt(
        event,
        () => `its payload is no ${named()}`,
        () => codec?.validate(payload),
      );
      return [withPayload(event, one, valid)];
    }
    if (steps >= this.#steps) throw new PayloadError(event, `its upcasters go in circles at ${named()}`);
    const result = attempt(
      event,
      () => `its upcaster from ${named()} failed`,
      () => upcaster(payload as never, event),
    );
    if (result instanceof Promise)
      throw new PayloadError(event, `its upcaster from ${named()} is asynchronous, which it must not be`);
    if (result instanceof Upcast)
      return result.events.flatMap((next) => this.#newest(next, event, steps + 1));
    if (schemaVersion === registered.schemaVersion)
      throw new PayloadError(event, `its type is retired, so its upcaster from ${named()} must give into(…)`);
    return this.#newest({ eventType, schemaVersion: schemaVersion + 1, payload: result }, event, steps + 1);
  }
}

/** Of an event that was not erased. By its fields, since to spread an event is as dear as to parse a payload. */
function withPayload(event: Event, { eventType, schemaVersion }: UpcastEvent, payload: unknown): WithPayload {
  const { eventId, stream, version, position, data, contentType, metadata, tags, recordedAt } = event;
  return {
    eventId,
    stream,
    version,
    position,
    eventType,
    data,
    contentType,
    metadata,
    tags,
    schemaVersion,
    recordedAt,
    payload,
  };
}

/** What the function gives; its failure as one of the event, whose message has nothing of the data. */
function attempt<T>(event: Event, problem: () => string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof InvalidRequestError)
      throw new PayloadError(event, `${problem()}: ${error.message}`, {
        cause: error,
        violations: error.violations,
      });
    throw new PayloadError(event, problem(), { cause: error });
  }
}
