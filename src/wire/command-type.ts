import { create } from '@bufbuild/protobuf';
import {
  type CommandPolicy as WireCommandPolicy,
  CommandPolicySchema,
  type CommandType as WireCommandType,
  CommandTypeSchema,
  Existence as WireExistence,
} from '../../gen/headwater/v1/command_service_pb.js';
import type { CommandTypeInfo } from '../auth/command-type.js';
import { Policy } from '../auth/policy.js';
import type { Existence } from '../core/command.js';
import { nameProblem, typeNameProblem, type Violations } from '../core/validate.js';

const EXISTENCE: Readonly<Record<Existence, WireExistence>> = {
  ANY: WireExistence.UNSPECIFIED,
  MUST_EXIST: WireExistence.MUST_EXIST,
  MUST_NOT_EXIST: WireExistence.MUST_NOT_EXIST,
};

/** Policies of one command type, and roles, scopes of one policy. */
const POLICIES = 100;

export function toWireCommandType(info: CommandTypeInfo): WireCommandType {
  return create(CommandTypeSchema, {
    commandType: info.commandType,
    aggregateType: info.aggregateType,
    existence: EXISTENCE[info.existence],
    policies: info.policies.map(toWirePolicy),
  });
}

/** The command type; adds what is wrong with it, which stands at that path. */
export function fromWireCommandType(
  info: WireCommandType,
  path: string,
  violations: Violations,
): CommandTypeInfo {
  const { aggregateType, commandType } = info;
  const wrongCommand = typeNameProblem(commandType);
  if (wrongCommand !== undefined) violations.add(`${path}.command_type`, wrongCommand);
  const wrongAggregate = typeNameProblem(aggregateType);
  if (wrongAggregate !== undefined) violations.add(`${path}.aggregate_type`, wrongAggregate);
  const existence = existenceOf(info.existence);
  if (existence === undefined)
    violations.add(`${path}.existence`, `is ${String(info.existence)}, which this service does not know`);
  if (info.policies.length > POLICIES)
    violations.add(`${path}.policies`, `has ${info.policies.length}, the limit is ${POLICIES}`);
  info.policies
    .slice(0, POLICIES)
    .forEach((policy, index) => validatePolicy(policy, `${path}.policies[${index}]`, violations));
  return {
    commandType,
    aggregateType,
    existence: existence ?? 'ANY',
    policies: info.policies.map(fromWirePolicy),
  };
}

/** As {@link fromWireCommandType} where the other side is the service, which is believed. */
export function readWireCommandType(info: WireCommandType | undefined): CommandTypeInfo {
  return {
    commandType: info?.commandType ?? '',
    aggregateType: info?.aggregateType ?? '',
    existence: (info && existenceOf(info.existence)) ?? 'ANY',
    policies: info?.policies.map(fromWirePolicy) ?? [],
  };
}

export function toWirePolicy({ resourceField, roles, scopes }: Policy): WireCommandPolicy {
  return create(CommandPolicySchema, {
    roles: [...roles],
    scopes: [...scopes],
    resourceField: resourceField ?? '',
  });
}

export function fromWirePolicy({ resourceField, roles, scopes }: WireCommandPolicy): Policy {
  return new Policy({
    roles,
    scopes,
    ...(resourceField === '' ? {} : { resourceField }),
  });
}

function existenceOf(existence: WireExistence): Existence | undefined {
  return (Object.keys(EXISTENCE) as Existence[]).find((name) => EXISTENCE[name] === existence);
}

function validatePolicy(policy: WireCommandPolicy, path: string, violations: Violations): void {
  for (const [field, names] of [
    ['roles', policy.roles],
    ['scopes', policy.scopes],
  ] as const) {
    if (names.length > POLICIES)
      violations.add(`${path}.${field}`, `has ${names.length}, the limit is ${POLICIES}`);
    names.slice(0, POLICIES).forEach((name, index) => {
      const problem = nameProblem(name);
      if (problem !== undefined) violations.add(`${path}.${field}[${index}]`, problem);
    });
  }
  if (policy.resourceField === '') return;
  const problem = nameProblem(policy.resourceField);
  if (problem !== undefined) violations.add(`${path}.resource_field`, problem);
}
