import type { ComparisonOperator, MetadataComparison } from './filter.js';
import { COMPARISON_VALUE_BYTES, COMPARISON_VALUES, PATTERN_BYTES } from './limits.js';
import { isOfKind, patternProblem } from './metadata-comparison.js';
import { nameProblem, textProblem, utf8Bytes, type Violations } from './validate.js';

const OF_BOOLEANS: ReadonlySet<ComparisonOperator> = new Set(['EQUAL', 'NOT_EQUAL', 'IN', 'NOT_IN']);
const OF_MANY: ReadonlySet<ComparisonOperator> = new Set(['IN', 'NOT_IN']);

/** Adds what is wrong with a comparison of metadata. */
export function validateComparison(
  { key, operator, kind = 'STRING', values }: MetadataComparison,
  path: string,
  violations: Violations,
): void {
  const problem = nameProblem(key);
  if (problem !== undefined) violations.add(`${path}.key`, problem);
  if (operator === 'MATCHES' && kind !== 'STRING')
    violations.add(`${path}.kind`, `is ${kind}, but only strings can match a regular expression`);
  if (kind === 'BOOLEAN' && operator !== 'MATCHES' && !OF_BOOLEANS.has(operator))
    violations.add(`${path}.operator`, `is ${operator}, but of booleans none is more or less than the other`);
  const most = OF_MANY.has(operator) ? COMPARISON_VALUES : 1;
  if (values.length < 1 || values.length > most) {
    const wanted = most === 1 ? 'exactly 1' : `from 1 to ${most}`;
    violations.add(`${path}.values`, `has ${values.length} values, ${operator} takes ${wanted}`);
    return;
  }
  values.forEach((value, index) => {
    const wrong = operator === 'MATCHES' ? patternViolation(value) : valueViolation(value, kind);
    if (wrong !== undefined) violations.add(`${path}.values[${index}]`, wrong);
  });
}

function valueViolation(value: string, kind: NonNullable<MetadataComparison['kind']>): string | undefined {
  const tooLong = lengthProblem(value, COMPARISON_VALUE_BYTES);
  if (tooLong !== undefined) return tooLong;
  const problem = textProblem(value);
  if (problem !== undefined) return problem;
  if (isOfKind(kind, value)) return undefined;
  const shown = JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  return kind === 'NUMBER'
    ? `is ${shown}, which is not a number as JSON writes it`
    : `is ${shown}, it must be "true" or "false"`;
}

function patternViolation(pattern: string): string | undefined {
  return lengthProblem(pattern, PATTERN_BYTES) ?? textProblem(pattern) ?? patternProblem(pattern);
}

function lengthProblem(value: string, limit: number): string | undefined {
  const bytes = utf8Bytes(value);
  return bytes > limit ? `is ${bytes} bytes long, the limit is ${limit}` : undefined;
}
