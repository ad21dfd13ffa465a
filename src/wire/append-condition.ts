import { create } from '@bufbuild/protobuf';
import {
  type AppendCondition as WireAppendCondition,
  AppendConditionSchema,
} from '../../gen/headwater/v1/append_condition_pb.js';
import type { AppendCondition } from '../core/append.js';
import { fromWireLogPosition, toWireLogPosition } from './log-position.js';

export function toWireCondition({ items, after }: AppendCondition): WireAppendCondition {
  return create(AppendConditionSchema, {
    items: items.map(({ eventTypes = [], tags = [] }) => ({ eventTypes: [...eventTypes], tags: [...tags] })),
    ...(after ? { after: toWireLogPosition(after) } : {}),
  });
}

/** The condition; one without items, which says nothing, is refused by the store. */
export function fromWireCondition({ items, after }: WireAppendCondition): AppendCondition {
  return {
    items: items.map(({ eventTypes, tags }) => ({
      ...(eventTypes.length === 0 ? {} : { eventTypes }),
      ...(tags.length === 0 ? {} : { tags }),
    })),
    ...(after ? { after: fromWireLogPosition(after) } : {}),
  };
}
