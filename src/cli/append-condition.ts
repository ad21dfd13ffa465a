import type { AppendCondition, ConditionItem } from '../core/append.js';
import type { LogPosition } from '../core/subscribe.js';
import { object, onlyKeys } from './event-json.js';
import { UsageError } from './exit-codes.js';
import { logPositionFrom } from './position.js';

/** `--condition` as it is written. Throws `UsageError`. */
export function conditionFromText(text: string): AppendCondition {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `--condition ${text} is not JSON (${(error as Error).message}); write ` +
        `'{"items":[{"event_types":["Opened"],"tags":["owner:ada"]}],"after":{"position":12,"epoch":1}}'`,
      { cause: error },
    );
  }
  return conditionFrom(value, '--condition');
}

/** `{ items: [{ event_types, tags }], after: { position, epoch } }`; `after` may also be `"12@1"`. Throws `UsageError`. */
export function conditionFrom(value: unknown, what: string): AppendCondition {
  const fields = object(value, what);
  onlyKeys(fields, ['items', 'after'], what);
  const { items, after } = fields;
  if (!Array.isArray(items) || items.length === 0)
    throw new UsageError(`${what} needs items: a list of at least one {"event_types":[…],"tags":[…]}`);
  return {
    items: items.map((item) => itemFrom(item, `an item of ${what}`)),
    ...(after === undefined ? {} : { after: afterFrom(after, `after of ${what}`) }),
  };
}

function itemFrom(value: unknown, what: string): ConditionItem {
  const fields = object(value, what);
  onlyKeys(fields, ['event_types', 'tags'], what);
  const names = (key: string) => {
    const given = fields[key];
    if (given === undefined) return undefined;
    if (Array.isArray(given) && given.every((one) => typeof one === 'string')) return given;
    throw new UsageError(`${key} of ${what} must be a list of strings`);
  };
  const eventTypes = names('event_types');
  const tags = names('tags');
  return { ...(eventTypes ? { eventTypes } : {}), ...(tags ? { tags } : {}) };
}

function afterFrom(value: unknown, what: string): LogPosition {
  if (typeof value === 'string') return logPositionFrom(value, what);
  if (typeof value === 'number') return logPositionFrom(String(value), what);
  const fields = object(value, what);
  onlyKeys(fields, ['position', 'epoch'], what);
  const { position, epoch } = fields;
  return logPositionFrom(`${shown(position)}${epoch === undefined ? '' : `@${shown(epoch)}`}`, what);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
