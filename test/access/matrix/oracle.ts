import type { PrincipalName } from './principals.js';

/** What a call is about. */
export type Touch =
  | { readonly stream: readonly [type: string, id: string] }
  | { readonly type: string }
  | { readonly log: true }
  | { readonly name: string }
  | { readonly namespace: string }
  | { readonly service: true };

/** Which namespace a call is sent to, or is about. */
export type Where = 'main' | 'other' | 'missing' | 'access' | 'fresh';

export interface Asked {
  readonly principal: PrincipalName;
  readonly rpc: string;
  readonly where: Where;
  readonly touches: readonly Touch[];
  /** The request says what no request may. */
  readonly malformed?: boolean;
}

/** `REFUSED`: as what it is, or as what nobody may who may not do the like. */
export type Verdict = 'UNAUTHENTICATED' | 'REFUSED' | 'DENIED' | 'ALLOWED' | 'NARROWED';

type Kind =
  | 'read'
  | 'write'
  | 'manage'
  | 'command'
  | 'work'
  | 'consume'
  | 'manage groups'
  | 'project'
  | 'manage projections'
  | 'namespaces'
  | 'access';

/** Which kind of right each RPC needs; any of several. The specification is docs/security.md and the issue. */
const NEEDS: Readonly<Record<string, readonly Kind[]>> = {
  ...all('EventStoreService', ['write'], ['Append', 'AppendStream', 'FindCommand']),
  ...all(
    'EventStoreService',
    ['read'],
    ['Load', 'Subscribe', 'GetStream', 'ListStreams', 'ListAggregateTypes', 'CountEvents', 'GetLog'],
  ),
  ...all(
    'EventStoreService',
    ['manage'],
    ['DeleteStream', 'RestoreStream', 'TruncateStream', 'SetRetention', 'EraseStream', 'EraseEvents'],
  ),
  ...all('CommandService', ['command'], ['Execute', 'ExecuteStream', 'ListCommands']),
  ...all('CommandService', ['work'], ['Handle']),
  ...all('CommandService', ['access'], ['GetPermissionModel', 'Explain']),
  ...all('AggregateService', ['read'], ['GetAggregate', 'ListAggregates', 'WatchAggregate', 'GetSnapshot']),
  ...all('AggregateService', ['write'], ['SaveSnapshot']),
  ...all('AggregateService', ['manage'], ['DeleteSnapshots']),
  ...all('ConsumerGroupService', ['consume'], ['Consume', 'GetGroup', 'ListGroups']),
  ...all(
    'ConsumerGroupService',
    ['manage groups'],
    ['CreateGroup', 'UpdateGroup', 'DeleteGroup', 'ListParked', 'ReplayParked', 'ResetGroup'],
  ),
  ...all('ProjectionService', ['project', 'read'], ['LoadProjection']),
  ...all('ProjectionService', ['read'], ['WaitForProjection']),
  ...all(
    'ProjectionService',
    ['project'],
    [
      'ListProjections',
      'GetProjection',
      'AcquireProjection',
      'ReportProjection',
      'SaveProjection',
      'PromoteProjection',
      'ReleaseProjection',
    ],
  ),
  ...all(
    'ProjectionService',
    ['manage projections'],
    [
      'PauseProjection',
      'ResumeProjection',
      'StopProjection',
      'ResetProjection',
      'RebuildProjection',
      'FinishRebuild',
      'DeleteProjection',
      'ListFailedAggregates',
      'RetryAggregates',
    ],
  ),
  ...all('InfoService', ['read'], ['GetInfo']),
  ...all('NamespaceService', ['namespaces'], ['CreateNamespace', 'ListNamespaces', 'DropNamespace']),
  ...all(
    'AccessService',
    ['access'],
    [
      'CreateToken',
      'ListTokens',
      'RevokeToken',
      'GrantRole',
      'RevokeRole',
      'ListRoles',
      'ListRules',
      'WhoCan',
      'ExplainAccess',
      'ReadAudit',
    ],
  ),
  ...all('ServerReflection', ['access'], ['v1', 'v1alpha']),
};

/** Reads of many streams, which show what may be seen. */
const SHOWS_SOME = new Set(
  ['Load', 'Subscribe', 'ListStreams', 'ListAggregateTypes', 'CountEvents'].map(
    (rpc) => `EventStoreService/${rpc}`,
  ),
).add('AggregateService/ListAggregates');
/** What tells of the log and of no stream in it. */
const TELLS_OF_NO_STREAM = new Set([
  'EventStoreService/GetLog',
  'CommandService/ListCommands',
  'CommandService/GetPermissionModel',
]);
/** Lists of what has names. */
const LISTS_NAMES = new Set([
  'CommandService/ListCommands',
  'CommandService/GetPermissionModel',
  'ConsumerGroupService/ListGroups',
  'ProjectionService/ListProjections',
]);
/** Calls of many messages: who may nothing of the kind is refused before the first. */
const MANY_MESSAGES = new Set([
  'EventStoreService/AppendStream',
  'CommandService/ExecuteStream',
  'CommandService/Handle',
  'ConsumerGroupService/Consume',
]);

/** Streams of a type, or of any; all of them, one id, or those that begin so. */
interface Part {
  readonly type?: string;
  readonly id?: string;
  readonly begins?: string;
}

/** Something that a principal may do. */
interface Right {
  readonly kinds: readonly Kind[] | 'all';
  /** Without: everywhere but in the namespace with tokens and audit. */
  readonly where?: readonly Where[];
  /** Only these streams. */
  readonly parts?: readonly Part[];
  /** Only these names. */
  readonly named?: (name: string) => boolean;
}

const may = (...kinds: Kind[]): readonly Right[] => [{ kinds }];
const europe: Part = { type: 'Order', begins: 'eu-' };

/** `undefined`: whom the service does not know. */
const RIGHTS: Readonly<Record<PrincipalName, readonly Right[] | undefined>> = {
  nobody: undefined,
  'with another scheme': undefined,
  'with no token at all': undefined,
  'with a bad signature': undefined,
  'with an expired token': undefined,
  'with a token for somebody else': undefined,
  'with a token of another issuer': undefined,
  'with a token that is not valid yet': undefined,
  'with an unsigned token': undefined,
  'with an unknown API token': undefined,
  'with a revoked API token': undefined,
  'bound to nothing': [],
  'with a role of no rule': [],
  reader: may('read'),
  'reader by an API token': may('read'),
  writer: may('write'),
  'reader and writer': may('read', 'write'),
  manager: may('manage'),
  commander: may('command'),
  worker: may('work'),
  consumer: may('consume'),
  'group keeper': may('manage groups'),
  projector: may('project'),
  'projection keeper': may('manage projections'),
  admin: [{ kinds: 'all' }],
  'admin of another namespace': [{ kinds: 'all', where: ['other'] }],
  'admin of this namespace': [{ kinds: 'all', where: ['main'] }],
  'by a rule for another namespace': [{ kinds: 'all', where: ['other'] }],
  'with the wrong scope': [],
  'with the right scope': may('read'),
  'of a prefix': [{ kinds: 'all', parts: [europe] }],
  'of two halves': [
    { kinds: 'all', parts: [europe] },
    { kinds: 'all', parts: [{ type: 'Invoice' }] },
  ],
  'of one aggregate': [{ kinds: 'all', parts: [{ id: 'eu-1' }] }],
  'of one type': [{ kinds: 'all', parts: [{ type: 'Order' }] }],
  'of some names': [{ kinds: 'all', named: (name) => name.startsWith('own-') }],
  inspector: [{ kinds: 'all', where: ['access'] }],
};

export const PRINCIPALS = Object.keys(RIGHTS) as PrincipalName[];

/** Whom the service does not let in at all. */
export function isStranger(principal: PrincipalName): boolean {
  return RIGHTS[principal] === undefined;
}

/** What must become of a call. */
export function verdictOf(asked: Asked): Verdict {
  const { malformed, principal, rpc, touches, where } = asked;
  if (RIGHTS[principal] === undefined) return 'UNAUTHENTICATED';
  const rights = rightsFor(asked);
  if (malformed) return 'REFUSED';
  if (rights.length === 0) return 'DENIED';
  // One that is not there has no messages; and it may be known to those who may do something of the kind in it.
  if (where === 'missing' && MANY_MESSAGES.has(rpc)) return 'ALLOWED';
  const saysStreams = touches.some((one) => 'stream' in one || 'type' in one || 'log' in one);
  let verdict: Verdict = 'ALLOWED';
  for (const touch of touches) {
    const here = ofTouch(touch, rights, rpc, saysStreams);
    if (here === 'DENIED') return here;
    if (here === 'NARROWED') verdict = here;
  }
  return verdict;
}

/** Whether events of a stream may be in what a principal is shown. */
export function mayRead(principal: PrincipalName, where: Where, stream: readonly [string, string]): boolean {
  const asked = { principal, where, rpc: 'EventStoreService/Load', touches: [{ stream }] };
  return verdictOf(asked) === 'ALLOWED';
}

function rightsFor({ principal, rpc, touches, where }: Asked): readonly Right[] {
  const needs = NEEDS[rpc];
  if (needs === undefined) throw new Error(`The oracle knows nothing of ${rpc}`);
  const about = touches.find((touch) => 'namespace' in touch);
  const in_ = (about !== undefined && 'namespace' in about ? about.namespace : where) as Where;
  const held = (RIGHTS[principal] ?? []).filter(
    ({ kinds, where: places }) =>
      (kinds === 'all' || needs.some((kind) => kinds.includes(kind))) &&
      (in_ === 'access' || where === 'access'
        ? (places?.includes('access') ?? false)
        : places === undefined || places.includes(in_)),
  );
  // Tokens and audit are written by nobody but the service, and their namespace goes with it.
  const touchesOwn = about !== undefined && in_ === 'access';
  const readsOnly = (in_ === 'access' || where === 'access') && !needs.includes('read');
  return touchesOwn || readsOnly ? [] : held;
}

function ofTouch(touch: Touch, rights: readonly Right[], rpc: string, saysStreams: boolean): Verdict {
  if ('stream' in touch) return rights.some((right) => covers(right, touch.stream)) ? 'ALLOWED' : 'DENIED';
  if ('type' in touch) {
    const of = rights
      .flatMap(({ parts }) => parts ?? [{}])
      .filter(({ type = touch.type }) => type === touch.type);
    if (of.some(({ begins, id }) => id === undefined && begins === undefined)) return 'ALLOWED';
    return of.length > 0 && SHOWS_SOME.has(rpc) ? 'NARROWED' : 'DENIED';
  }
  if ('log' in touch) {
    const good = LISTS_NAMES.has(rpc) ? rights.filter(({ named }) => named === undefined) : rights;
    if (good.length === 0) return 'DENIED';
    if (TELLS_OF_NO_STREAM.has(rpc) || good.some(({ parts }) => parts === undefined)) return 'ALLOWED';
    return SHOWS_SOME.has(rpc) ? 'NARROWED' : 'DENIED';
  }
  if ('name' in touch)
    return rights.some(
      ({ named = () => true, parts }) => named(touch.name) && (parts === undefined || saysStreams),
    )
      ? 'ALLOWED'
      : 'DENIED';
  if ('namespace' in touch)
    return rights.some(({ named, parts }) => named === undefined && parts === undefined)
      ? 'ALLOWED'
      : 'DENIED';
  if (rpc === 'InfoService/GetInfo') return 'ALLOWED';
  return rights.some(({ named, parts, where }) => (named ?? parts ?? where) === undefined)
    ? 'ALLOWED'
    : 'DENIED';
}

function covers({ parts }: Right, [type, id]: readonly [string, string]): boolean {
  return (
    parts === undefined ||
    parts.some(
      (part) =>
        (part.type === undefined || part.type === type) &&
        (part.id === undefined || part.id === id) &&
        id.startsWith(part.begins ?? ''),
    )
  );
}

function all(
  service: string,
  kinds: readonly Kind[],
  methods: readonly string[],
): Record<string, readonly Kind[]> {
  return Object.fromEntries(methods.map((method) => [`${service}/${method}`, kinds]));
}
