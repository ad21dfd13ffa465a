import { ERASED_RANGES, ERASED_VERSIONS, type Limits, MAX_BIGINT } from './limits.js';
import type { StreamChange } from './stream-changes.js';
import { isUuid } from './uuid-text.js';
import { validateExpectedVersion, validateMetadata, validateStream } from './validate-append.js';
import { Violations } from './validate.js';

/** A second: a retention of less would be a mistake in the unit. */
const LEAST_AGE = 1_000_000n;
/** A thousand years. */
const MOST_AGE = 1000n * 366n * 86_400n * 1_000_000n;

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateStreamChange(change: StreamChange, limits: Limits): void {
  const violations = new Violations();
  validateStream(change.stream, 'change.stream', violations);
  validateExpectedVersion(change.expectedVersion, 'change.expected_version', violations);
  if (change.eventId !== undefined && !isUuid(change.eventId))
    violations.add(
      'change.event_id',
      `is ${JSON.stringify(change.eventId.slice(0, 60))}, which is not a UUID`,
    );
  validateMetadata(change.metadata, 'change.metadata', limits, violations);
  switch (change.kind) {
    case 'TRUNCATE':
      if (change.beforeVersion < 2n || change.beforeVersion > MAX_BIGINT)
        violations.add('before_version', `is ${change.beforeVersion}, it must be from 2 to ${MAX_BIGINT}`);
      break;
    case 'SET_RETENTION': {
      const { maxAge, maxCount } = change.retention;
      if (maxAge !== undefined && (maxAge < LEAST_AGE || maxAge > MOST_AGE))
        violations.add('retention.max_age', `is ${maxAge} µs, it must be from a second to a thousand years`);
      if (maxCount !== undefined && (maxCount < 1n || maxCount > MAX_BIGINT))
        violations.add('retention.max_count', `is ${maxCount}, it must be from 1 to ${MAX_BIGINT}`);
      break;
    }
    case 'ERASE_EVENTS':
      validateErased(change.versions, violations);
      break;
    case 'DELETE':
    case 'RESTORE':
    case 'ERASE':
  }
  violations.throwIfAny();
}

function validateErased(
  ranges: readonly { readonly first: bigint; readonly last: bigint }[],
  violations: Violations,
): void {
  if (ranges.length === 0 || ranges.length > ERASED_RANGES) {
    violations.add('versions', `has ${ranges.length} ranges, it must have from 1 to ${ERASED_RANGES}`);
    return;
  }
  let versions = 0n;
  ranges.forEach(({ first, last }, index) => {
    if (first < 1n || last > MAX_BIGINT)
      violations.add(`versions[${index}]`, `is ${first} to ${last}, both bounds must be set and at least 1`);
    else if (first > last) violations.add(`versions[${index}]`, `begins at ${first}, behind its end ${last}`);
    else versions += last - first + 1n;
  });
  if (versions > BigInt(ERASED_VERSIONS))
    violations.add('versions', `has ${versions} versions, the limit of one erasure is ${ERASED_VERSIONS}`);
}
