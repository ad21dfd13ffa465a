import { MAX_INTEGER } from './limits.js';
import type { PayloadCodec } from './payload-codec.js';
import type { Upcaster, Upcasters, UpcastStep } from './upcasting.js';
import { typeNameProblem } from './validate.js';

type Parser = Pick<PayloadCodec<never, unknown>, 'parse'>;

/** How payloads of an event type are written, and read in the newest shape. */
export interface EventTypeDefinition<Input, Output> {
  /** Of the newest shape. */
  readonly codec: PayloadCodec<Input, Output>;
  /**
   * The version of the newest shape; raise it by one when the shape changes, and add an upcaster from the last one.
   * @default 1
   */
  readonly schemaVersion?: number;
  /**
   * One for each version below `schemaVersion`. What a version was written with is the codec of its step or, without one,
   * of the next later step that has one, or else the codec of the newest shape.
   */
  readonly upcasters?: Upcasters;
}

/** How payloads of an event type that is not written any more are read. */
export interface RetiredEventType {
  /** With which they were written. */
  readonly codec: Parser;
  /**
   * The last version that was written.
   * @default 1
   */
  readonly schemaVersion?: number;
  /** One for each version up to `schemaVersion`, of which the last gives `into(…)`. */
  readonly upcasters: Upcasters;
}

/** A definition that holds together. */
export interface RegisteredEventType {
  readonly type: string;
  /** Of the newest shape; `undefined` if the type is retired, so that nothing is written or validated. */
  readonly codec: PayloadCodec<never, unknown> | undefined;
  readonly schemaVersion: number;
  /** What reads the data of each version. */
  readonly parsers: ReadonlyMap<number, Parser>;
  readonly upcasters: ReadonlyMap<number, Upcaster>;
}

/** Throws `TypeError` or `RangeError`, which name the type, for what does not hold together. */
export function checkedEventType(
  type: string,
  definition: (EventTypeDefinition<never, unknown> | RetiredEventType) & { readonly retired: boolean },
): RegisteredEventType {
  const { schemaVersion = 1, upcasters: steps = {}, codec, retired } = definition;
  const named = `Event type ${JSON.stringify(type)}`;
  const problem = typeNameProblem(type);
  if (problem !== undefined) throw new TypeError(`${named}: the name ${problem}`);
  if (!(Number.isInteger(schemaVersion) && schemaVersion >= 1 && schemaVersion <= MAX_INTEGER))
    throw new RangeError(`${named} has schema version ${schemaVersion}, it must be from 1 to ${MAX_INTEGER}`);
  const last = retired ? schemaVersion : schemaVersion - 1;
  for (const key of Object.keys(steps))
    if (!(Number.isInteger(Number(key)) && Number(key) >= 1 && Number(key) <= last))
      throw new TypeError(
        `${named} of schema version ${schemaVersion} has an upcaster for version ${key}, which makes no sense`,
      );
  const parsers = new Map<number, Parser>([[schemaVersion, codec]]);
  const upcasters = new Map<number, Upcaster>();
  let parser: Parser = codec;
  for (let version = last; version >= 1; version--) {
    const step = steps[version];
    if (step === undefined)
      throw new TypeError(
        `${named} of schema version ${schemaVersion} has no upcaster for version ${version}`,
      );
    parser = codecOf(step) ?? parser;
    parsers.set(version, parser);
    upcasters.set(version, typeof step === 'function' ? step : step.upcast);
  }
  return {
    type,
    codec: retired ? undefined : (codec as PayloadCodec<never, unknown>),
    schemaVersion,
    parsers,
    upcasters,
  };
}

function codecOf(step: Upcaster | UpcastStep): Parser | undefined {
  return typeof step === 'function' ? undefined : step.codec;
}
