import type { Command } from '../core/command.js';
import type { Limits } from '../core/limits.js';
import { validateExpectedVersion, validateMetadata } from '../core/validate-append.js';
import { nameProblem, typeNameProblem, Violations } from '../core/validate.js';

/** Throws `InvalidRequestError` with every field that is wrong, but for the data, of which only the size is looked at. */
export function validateCommand(command: Command, limits: Limits): void {
  const { commandId, commandType, aggregateId, data, metadata, expectedVersion } = command;
  const violations = new Violations();
  const check = (field: string, problem: string | undefined) => {
    if (problem !== undefined) violations.add(field, problem);
  };
  if (commandId !== undefined) check('command_id', nameProblem(commandId));
  check('command_type', typeNameProblem(commandType));
  if (aggregateId !== undefined) check('aggregate_id', nameProblem(aggregateId));
  if (data.bytes.byteLength > limits.eventDataBytes)
    violations.add('data', `is ${data.bytes.byteLength} bytes long, the limit is ${limits.eventDataBytes}`);
  validateMetadata(metadata, 'command.metadata', limits, violations);
  if (expectedVersion !== undefined) validateExpectedVersion(expectedVersion, 'expected_version', violations);
  violations.throwIfAny();
}
