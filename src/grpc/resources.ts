import type { Resource } from '../auth/plan.js';
import type { Scope } from '../core/filter.js';

/** What a scope touches, in the words of policies. */
export function resourcesOf(scope: Scope | undefined): readonly Resource[] {
  switch (scope?.kind) {
    case undefined:
    case 'LOG':
      return [{ kind: 'LOG' }];
    case 'STREAM':
      return [{ kind: 'STREAM', stream: scope.stream }];
    case 'STREAMS':
      return scope.streams.map((stream) => ({ kind: 'STREAM', stream }));
    case 'AGGREGATE_TYPES':
      return scope.aggregateTypes.map((aggregateType) => ({ kind: 'AGGREGATE_TYPE', aggregateType }));
  }
}
