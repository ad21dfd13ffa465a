import { create } from '@bufbuild/protobuf';
import {
  type AccessService,
  ExplainAccessResponseSchema,
  GrantRoleResponseSchema,
  ReadAuditResponseSchema,
  RevokeRoleResponseSchema,
  RevokeTokenResponseSchema,
} from '../../gen/headwater/v1/access_service_pb.js';
import type {
  ExplainAccess,
  NewToken,
  ReadAuditRequest,
  ServedAccess,
  WouldDo,
} from '../auth/access-admin.js';
import type { Caller } from '../auth/caller.js';
import type { Action, Plan } from '../auth/plan.js';
import type { RoleBinding } from '../auth/principal.js';
import { InvalidRequestError } from '../core/errors.js';
import { nameProblem } from '../core/validate.js';
import {
  fromWireExplainAccess,
  fromWireListRoles,
  fromWireListTokens,
  fromWireNewToken,
  fromWireReadAudit,
  fromWireRole,
  fromWireWhoCan,
  toWireAuditEntries,
  toWireMadeToken,
  toWireRoleList,
  toWireRuleList,
  toWireTokenList,
  toWireWhoCanResponse,
} from '../wire/access-requests.js';
import { toWireToken } from '../wire/access.js';
import { serializer } from '../wire/method.js';
import type { RpcsOf } from './register.js';
import { serverStream } from './server-stream.js';
import { unary } from './unary.js';

type About<T> = Plan & { readonly asked: T };
type RolePlan = About<{ readonly principal: string; readonly binding: RoleBinding }>;

const encodeAudit = serializer(ReadAuditResponseSchema);

/** The AccessService. It is about the service as a whole, so that whoever is bound to one namespace has no part in it. */
export function accessService(served: ServedAccess | undefined): RpcsOf<typeof AccessService> {
  const access = (): ServedAccess => {
    if (served !== undefined) return served;
    throw new InvalidRequestError([
      { field: 'service', description: 'authenticates nobody: it was started without --access-file' },
    ]);
  };
  return {
    createToken: unary({
      inNamespace: false,
      resolve: (request, caller) => about<NewToken>(caller, 'create-token', fromWireNewToken(request)),
      handle: async (plan) => toWireMadeToken(await access().createToken(plan.asked, plan)),
    }),
    listTokens: unary({
      inNamespace: false,
      resolve: (request, caller) => about(caller, 'list-tokens', fromWireListTokens(request)),
      handle: async ({ asked }) => toWireTokenList(access().listTokens(asked)),
    }),
    revokeToken: unary({
      inNamespace: false,
      resolve: ({ tokenId }, caller) => {
        const problem = nameProblem(tokenId);
        if (problem !== undefined)
          throw new InvalidRequestError([{ field: 'token_id', description: problem }]);
        return about(caller, 'revoke-token', tokenId);
      },
      handle: async (plan) =>
        create(RevokeTokenResponseSchema, {
          token: toWireToken(await access().revokeToken(plan.asked, plan)),
        }),
    }),
    grantRole: unary({
      inNamespace: false,
      resolve: (request, caller): RolePlan => about(caller, 'grant-role', fromWireRole(request)),
      handle: async (plan) =>
        create(GrantRoleResponseSchema, {
          changed: await access().grantRole(plan.asked.principal, plan.asked.binding, plan),
        }),
    }),
    revokeRole: unary({
      inNamespace: false,
      resolve: (request, caller): RolePlan => about(caller, 'revoke-role', fromWireRole(request)),
      handle: async (plan) =>
        create(RevokeRoleResponseSchema, {
          changed: await access().revokeRole(plan.asked.principal, plan.asked.binding, plan),
        }),
    }),
    listRoles: unary({
      inNamespace: false,
      resolve: (request, caller) => about(caller, 'list-roles', fromWireListRoles(request)),
      handle: async ({ asked }) => toWireRoleList(access().listRoles(asked)),
    }),
    listRules: unary({
      inNamespace: false,
      resolve: (_request, caller) => about(caller, 'list-rules', undefined),
      handle: async () => toWireRuleList(access().listRules()),
    }),
    whoCan: unary({
      inNamespace: false,
      resolve: (request, caller) => about<WouldDo>(caller, 'who-can', fromWireWhoCan(request)),
      handle: async (plan) => toWireWhoCanResponse(access().whoCan(plan.asked, plan)),
    }),
    explainAccess: unary({
      inNamespace: false,
      resolve: (request, caller) =>
        about<ExplainAccess>(caller, 'explain-access', fromWireExplainAccess(request)),
      handle: async (plan) => {
        const { only, rules, ...explained } = access().explain(plan.asked, plan);
        return create(ExplainAccessResponseSchema, { ...explained, only: [...only], rules: [...rules] });
      },
    }),
    readAudit: serverStream({
      inNamespace: false,
      resolve: (request, caller) => about<ReadAuditRequest>(caller, 'read-audit', fromWireReadAudit(request)),
      handle: ({ asked }, options) => access().readAudit(asked, options),
      encode: (entries) => encodeAudit(toWireAuditEntries(entries)),
      positionOf: () => 0n,
      endless: false,
    }),
  };
}

function about<T>(caller: Caller, action: Action, asked: T): About<T> {
  return { ...caller, action, resources: [{ kind: 'SERVICE' }], asked };
}
