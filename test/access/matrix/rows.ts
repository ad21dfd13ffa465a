import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { Touch, Where } from './oracle.js';

/** A request that every principal sends. */
export interface Row {
  readonly relation: string;
  readonly shape: string;
  readonly where: Where;
  /** As JSON; of a call of many messages, its first. */
  readonly request: JsonObject;
  readonly touches: readonly Touch[];
  readonly malformed?: boolean;
}

type Stream = readonly [type: string, id: string];

/** What requests are about: the resource relations of the matrix. */
interface Target {
  readonly relation: string;
  readonly where: Where;
  readonly malformed?: boolean;
}
interface StreamsTarget extends Target {
  readonly streams: readonly Stream[];
}

const OWN: Stream = ['Order', 'eu-1'];
const STREAMS: readonly StreamsTarget[] = [
  { relation: 'own', where: 'main', streams: [OWN] },
  { relation: 'own, which begins as another', where: 'main', streams: [['Order', 'eu-10']] },
  { relation: 'outside the prefix', where: 'main', streams: [['Order', 'us-1']] },
  { relation: 'shorter than the prefix', where: 'main', streams: [['Order', 'eu']] },
  { relation: 'another type, same id', where: 'main', streams: [['Invoice', 'eu-1']] },
  { relation: 'another type', where: 'main', streams: [['Secret', 's-1']] },
  { relation: 'deleted', where: 'main', streams: [['Order', 'eu-gone']] },
  { relation: 'deleted, outside', where: 'main', streams: [['Order', 'us-gone']] },
  { relation: 'never', where: 'main', streams: [['Order', 'eu-never']] },
  { relation: 'never, outside', where: 'main', streams: [['Order', 'us-never']] },
  { relation: 'one allowed, one not', where: 'main', streams: [OWN, ['Order', 'us-1']] },
  { relation: 'two types', where: 'main', streams: [OWN, ['Invoice', 'i-1']] },
  { relation: 'three, the last not', where: 'main', streams: [OWN, ['Order', 'eu-10'], ['Secret', 's-1']] },
  { relation: 'reserved', where: 'main', streams: [['$system', 'x']], malformed: true },
  { relation: 'another namespace', where: 'other', streams: [OWN] },
  { relation: 'no namespace', where: 'missing', streams: [OWN] },
  { relation: 'tokens and roles', where: 'access', streams: [OWN] },
];
const TYPES: readonly (Target & { readonly types: readonly string[] })[] = [
  { relation: 'whole type', where: 'main', types: ['Order'] },
  { relation: 'another whole type', where: 'main', types: ['Invoice'] },
  { relation: 'a type that is not there', where: 'main', types: ['Never'] },
  { relation: 'two whole types', where: 'main', types: ['Invoice', 'Order'] },
  { relation: 'a type of all', where: 'main', types: ['Order', 'Secret'] },
  { relation: 'a reserved type', where: 'main', types: ['$system'], malformed: true },
  { relation: 'whole type of another namespace', where: 'other', types: ['Order'] },
  { relation: 'whole type of no namespace', where: 'missing', types: ['Order'] },
  { relation: 'whole type among tokens and roles', where: 'access', types: ['Order'] },
];
const LOGS: readonly Target[] = [
  { relation: 'whole log', where: 'main' },
  { relation: 'whole log of another namespace', where: 'other' },
  { relation: 'whole log of no namespace', where: 'missing' },
  { relation: 'whole log of tokens and roles', where: 'access' },
];
const NAMES: readonly (Target & { readonly name: string })[] = [
  { relation: 'own name', where: 'main', name: 'own-1' },
  { relation: 'own name that begins as another', where: 'main', name: 'own-10' },
  { relation: 'another name', where: 'main', name: 'other-1' },
  { relation: 'shorter than the prefix', where: 'main', name: 'own' },
  { relation: 'own name, never', where: 'main', name: 'own-never' },
  { relation: 'another name, never', where: 'main', name: 'other-never' },
  { relation: 'no name', where: 'main', name: '', malformed: true },
  { relation: 'another namespace', where: 'other', name: 'own-1' },
  { relation: 'no namespace', where: 'missing', name: 'own-1' },
  { relation: 'tokens and roles', where: 'access', name: 'own-1' },
];
const NAMESPACES: readonly { readonly relation: string; readonly about: Where | 'reserved' | 'malformed' }[] =
  [
    { relation: 'this namespace', about: 'main' },
    { relation: 'another namespace', about: 'other' },
    { relation: 'no namespace', about: 'fresh' },
    { relation: 'tokens and roles', about: 'access' },
    { relation: 'a malformed namespace', about: 'malformed' },
  ];

const streamJson = ([aggregateType, aggregateId]: Stream) => ({ aggregateType, aggregateId });
/** Never the version: who may is refused for that, and changes nothing. */
const STALE = { exact: '999999' };
const EVENT = { eventType: 'Tried', data: 'e30=' };
const EVERYTHING = [{}, { streams: [{ aggregateType: 'Order' }, { aggregateType: 'Secret' }] }];

/** One stream. */
function ofStream(request: (stream: JsonObject) => JsonObject): readonly Row[] {
  return STREAMS.filter(({ streams }) => streams.length === 1).map(({ streams, ...target }) => ({
    ...target,
    shape: 'single',
    request: request(streamJson(streams[0] ?? OWN)),
    touches: streams.map((stream) => ({ stream })),
  }));
}

/** A scope, with filters that ask for more, and from a position that somebody else came to. */
function ofScope(more: { readonly [shape: string]: JsonObject }): readonly Row[] {
  const scopes: readonly (Target & { readonly scope: JsonObject; readonly touches: readonly Touch[] })[] = [
    ...STREAMS.map(({ streams, ...target }) => ({
      ...target,
      scope: (streams.length === 1
        ? { stream: streamJson(streams[0] ?? OWN) }
        : { streams: { streams: streams.map(streamJson) } }) satisfies JsonObject,
      touches: streams.map((stream) => ({ stream })),
    })),
    ...TYPES.map(({ types, ...target }) => ({
      ...target,
      scope: { aggregateTypes: { aggregateTypes: [...types] } },
      touches: types.map((type) => ({ type })),
    })),
    ...LOGS.map((target) => ({ ...target, scope: {}, touches: [{ log: true } as const] })),
  ];
  return Object.entries({ single: {}, filter: { filters: EVERYTHING }, ...more }).flatMap(([shape, with_]) =>
    scopes.map(({ scope, ...target }) => ({ ...target, shape, request: { ...scope, ...with_ } })),
  );
}

/** An append of all streams of a target; with a condition it is about the log too. */
function ofAppend(wrap: (append: JsonObject) => JsonObject): readonly Row[] {
  const shapes: readonly {
    shape: string;
    more: JsonObject;
    touches?: readonly Touch[];
    events?: JsonValue;
  }[] = [
    { shape: 'single', more: {} },
    { shape: 'only checked', more: {}, events: [] },
    {
      shape: 'with a condition',
      more: { condition: { items: [{ eventTypes: ['X'] }], after: { position: '0', epoch: '1' } } },
      touches: [{ log: true }],
    },
    {
      shape: 'asking for what came between',
      more: { onConflict: 'ON_CONFLICT_RETURN', interveningBytes: 100_000 },
    },
    {
      shape: 'with a foreign command',
      more: { command: { commandId: 'foreign', commandType: 'C', bodyHash: `${'A'.repeat(43)}=` } },
    },
  ];
  return shapes.flatMap(({ events = [EVENT], more, shape, touches = [] }) =>
    STREAMS.map(({ streams, ...target }) => ({
      ...target,
      shape: streams.length > 1 ? `batch, ${shape}` : shape,
      request: wrap({
        streams: streams.map((stream) => ({ stream: streamJson(stream), expectedVersion: STALE, events })),
        ...more,
      }),
      touches: [...streams.map((stream) => ({ stream })), ...touches],
    })),
  );
}

function ofChange(more: JsonObject = {}): readonly Row[] {
  return ofStream((stream) => ({ change: { stream, expectedVersion: STALE }, ...more }));
}

function ofName(
  request: (name: string) => JsonObject,
  {
    end = '',
    shape = 'single',
    touches = [],
  }: { readonly end?: string; readonly shape?: string; readonly touches?: readonly Touch[] } = {},
): readonly Row[] {
  return NAMES.map(({ name: begin, ...target }) => {
    const name = begin === '' ? '' : begin + end;
    return { ...target, shape, request: request(name), touches: [{ name }, ...touches] };
  });
}

function ofNames(request: (name: string) => JsonObject): readonly Row[] {
  const batch = (names: readonly string[], relation: string): Row => ({
    relation,
    shape: 'batch',
    where: 'main',
    request: request(names.join(' ')),
    touches: names.map((name) => ({ name })),
  });
  return [
    batch(['own-1-work', 'own-10-work'], 'own names'),
    batch(['own-1-work', 'other-1-work'], 'one allowed, one not'),
  ];
}

function ofType(request: (aggregateType: string) => JsonObject): readonly Row[] {
  return TYPES.filter(({ types }) => types.length === 1).map(({ types: [type = ''], ...target }) => ({
    ...target,
    shape: 'single',
    request: request(type),
    touches: [{ type }],
  }));
}

function ofLog(request: JsonObject = {}): readonly Row[] {
  return LOGS.map((target) => ({ ...target, shape: 'single', request, touches: [{ log: true }] }));
}

function ofService(request: JsonObject = {}): readonly Row[] {
  return LOGS.map((target) => ({ ...target, shape: 'single', request, touches: [{ service: true }] }));
}

function ofNamespace(request: (about: string) => JsonObject): readonly Row[] {
  return NAMESPACES.map(({ about, relation }) => ({
    relation,
    shape: 'single',
    where: 'main',
    request: request(about === 'malformed' ? 'No!' : `@${about}`),
    touches: about === 'malformed' ? [] : [{ namespace: about }],
    ...(about === 'malformed' ? { malformed: true } : {}),
  }));
}

/** Groups whose selection is the caller's own stream, a foreign one, or the whole log. */
function ofSelection(
  end: string,
  request: (name: string, selection: JsonObject) => JsonObject,
): readonly Row[] {
  return [
    ...ofName((name) => request(name, { stream: streamJson(OWN) }), {
      end,
      shape: 'own selection',
      touches: [{ stream: OWN }],
    }),
    ...ofName((name) => request(name, { stream: streamJson(['Order', 'us-1']) }), {
      end,
      shape: 'foreign selection',
      touches: [{ stream: ['Order', 'us-1'] }],
    }),
    ...ofName((name) => request(name, { aggregateTypes: { aggregateTypes: ['Order'] } }), {
      end,
      shape: 'a whole type',
      touches: [{ type: 'Order' }],
    }),
    ...ofName((name) => request(name, {}), { end, shape: 'whole log', touches: [{ log: true }] }),
  ];
}

/** What the groups that are there are about. */
export const GROUPS: readonly {
  readonly name: string;
  readonly selection: JsonObject;
  readonly touch: Touch;
}[] = [
  { name: 'own-group-of-own', selection: { stream: streamJson(OWN) }, touch: { stream: OWN } },
  {
    name: 'own-group-of-us',
    selection: { stream: streamJson(['Order', 'us-1']) },
    touch: { stream: ['Order', 'us-1'] },
  },
  { name: 'other-group-of-own', selection: { stream: streamJson(OWN) }, touch: { stream: OWN } },
  {
    name: 'own-group-of-orders',
    selection: { aggregateTypes: { aggregateTypes: ['Order'] } },
    touch: { type: 'Order' },
  },
  { name: 'own-group-of-all', selection: {}, touch: { log: true } },
];

const lease = { generation: '1', fence: '1' };
const snapshot = { version: '1', data: 'e30=', contentType: 'application/json', schemaVersion: 1 };
const binding = { role: 'none', scope: 'system' };
const registered = (commandTypes: readonly string[], aggregateType: string): JsonObject => ({
  register: {
    name: 'w',
    maxInFlight: 1,
    commands: commandTypes.map((commandType) => ({ commandType, aggregateType })),
  },
});

/** The requests of each RPC; one without is not tested, and so fails. */
export const ROWS: Readonly<Record<string, readonly Row[]>> = {
  'EventStoreService/Append': ofAppend((append) => append),
  'EventStoreService/AppendStream': ofAppend((append) => ({ requests: [{ correlation: '1', append }] })),
  'EventStoreService/Load': ofScope({
    backwards: { direction: 'DIRECTION_BACKWARDS' },
    'a foreign position': { minPosition: { position: '1', epoch: '1' } },
  }),
  'EventStoreService/Subscribe': ofScope({ 'a foreign position': { after: { position: '2', epoch: '1' } } }),
  'EventStoreService/GetStream': ofStream((stream) => ({ stream })),
  'EventStoreService/ListStreams': [
    ...ofLog(),
    ...ofType((aggregateType) => ({ aggregateType })),
    ...ofType((aggregateType) => ({
      aggregateType,
      aggregateIdPrefix: 'us',
      deleted: 'DELETED_STREAMS_INCLUDE',
    })),
  ],
  'EventStoreService/ListAggregateTypes': ofLog(),
  'EventStoreService/CountEvents': ofScope({}),
  'EventStoreService/GetLog': ofLog(),
  'EventStoreService/FindCommand': ofLog({ commandId: 'foreign' }),
  'EventStoreService/DeleteStream': ofChange(),
  'EventStoreService/RestoreStream': ofChange(),
  'EventStoreService/TruncateStream': ofChange({ beforeVersion: '2' }),
  'EventStoreService/SetRetention': ofChange({ retention: { maxCount: '5' } }),
  'EventStoreService/EraseStream': ofChange(),
  'EventStoreService/EraseEvents': ofChange({ versions: [{ first: '1', last: '1' }] }),
  'CommandService/Execute': ofName((commandType) => ({ commandType, aggregateId: 'eu-1', json: 'e30=' })),
  'CommandService/ExecuteStream': ofName((commandType) => ({
    commands: [{ correlation: '1', command: { commandType, aggregateId: 'eu-1', json: 'e30=' } }],
  })),
  'CommandService/Handle': [
    ...ofName((name) => registered([name], 'Order'), { end: '-work', touches: [{ type: 'Order' }] }),
    ...ofName((name) => registered([name], 'Secret'), {
      end: '-secret-work',
      shape: 'a foreign type',
      touches: [{ type: 'Secret' }],
    }),
    ...ofNames((names) => registered(names.split(' '), 'Order')).map((row) => ({
      ...row,
      touches: [...row.touches, { type: 'Order' }],
    })),
  ],
  'CommandService/ListCommands': ofLog(),
  'CommandService/GetPermissionModel': ofLog(),
  'CommandService/Explain': ofName((commandType) => ({ commandType })),
  'AggregateService/GetAggregate': ofStream((aggregate) => ({ aggregate })),
  'AggregateService/ListAggregates': ofType((aggregateType) => ({ aggregateType })),
  'AggregateService/WatchAggregate': ofStream((aggregate) => ({ aggregate })),
  'AggregateService/SaveSnapshot': ofStream((aggregate) => ({ aggregate, snapshot })),
  'AggregateService/GetSnapshot': ofStream((aggregate) => ({ aggregate })),
  'AggregateService/DeleteSnapshots': ofStream((aggregate) => ({ aggregate })),
  'ConsumerGroupService/CreateGroup': ofSelection('-made', (name, selection) => ({ name, selection })),
  'ConsumerGroupService/UpdateGroup': [
    ...ofSelection('-never', (name, selection) => ({ name, selection })),
    ...ofName((name) => ({ name, settings: { maxAttempts: 3 } }), { end: '-never', shape: 'settings' }),
  ],
  'ConsumerGroupService/DeleteGroup': ofName((name) => ({ name })),
  'ConsumerGroupService/GetGroup': ofName((name) => ({ name })),
  'ConsumerGroupService/ListGroups': ofLog(),
  'ConsumerGroupService/Consume': [
    ...GROUPS.map(({ name, touch }) => ({
      relation: name,
      shape: 'join',
      where: 'main' as const,
      request: { join: { group: name, maxInFlight: 1 } },
      touches: [{ name }, touch],
    })),
    // Of a group that is not there nobody is told but who may consume them all.
    ...ofName((group) => ({ join: { group, maxInFlight: 1 } }), { end: '-never', touches: [{ log: true }] }),
  ],
  'ConsumerGroupService/ListParked': ofName((group) => ({ group })),
  'ConsumerGroupService/ReplayParked': [
    ...ofName((group) => ({ group })),
    ...ofName((group) => ({ group, stream: streamJson(OWN) }), { shape: 'of a stream' }),
  ],
  'ConsumerGroupService/ResetGroup': ofName((name) => ({ name }), { end: '-never' }),
  'ProjectionService/ListProjections': ofLog(),
  'ProjectionService/GetProjection': ofName((name) => ({ name })),
  'ProjectionService/PauseProjection': ofName((name) => ({ name })),
  'ProjectionService/ResumeProjection': ofName((name) => ({ name })),
  'ProjectionService/StopProjection': ofName((name) => ({ name })),
  'ProjectionService/ResetProjection': ofName((name) => ({ name })),
  'ProjectionService/RebuildProjection': ofName((name) => ({ name })),
  'ProjectionService/FinishRebuild': ofName((name) => ({ name })),
  'ProjectionService/DeleteProjection': ofName((name) => ({ name })),
  'ProjectionService/WaitForProjection': ofName((name) => ({
    name,
    minPosition: { position: '1', epoch: '1' },
  })),
  'ProjectionService/ListFailedAggregates': ofName((name) => ({ name })),
  'ProjectionService/RetryAggregates': ofName((name) => ({ name })),
  'ProjectionService/AcquireProjection': ofName((name) => ({
    name,
    kind: 'PROJECTION_KIND_STATE',
    definitionVersion: 1,
    runner: 'r',
    runnerId: '00000000-0000-4000-8000-000000000001',
  })),
  'ProjectionService/ReportProjection': ofName((name) => ({ name, ...lease })),
  'ProjectionService/SaveProjection': ofName((name) => ({
    name,
    ...lease,
    position: { position: '1', epoch: '1' },
  })),
  'ProjectionService/LoadProjection': ofName((name) => ({ name })),
  'ProjectionService/PromoteProjection': ofName((name) => ({ name, ...lease })),
  'ProjectionService/ReleaseProjection': ofName((name) => ({ name, ...lease })),
  'InfoService/GetInfo': ofService(),
  'NamespaceService/CreateNamespace': ofNamespace((name) => ({ name })),
  'NamespaceService/ListNamespaces': ofService(),
  'NamespaceService/DropNamespace': ofNamespace((name) => ({ name, confirm: 'not_it' })),
  'AccessService/CreateToken': ofService({ name: 't', principal: 'p', bindings: [binding] }),
  'AccessService/ListTokens': ofService(),
  'AccessService/RevokeToken': ofService({ tokenId: '0'.repeat(18) }),
  'AccessService/GrantRole': ofService({ principal: 'p', binding }),
  'AccessService/RevokeRole': ofService({ principal: 'p', binding }),
  'AccessService/ListRoles': ofService(),
  'AccessService/ListRules': ofService(),
  'AccessService/WhoCan': ofService({ action: 'load' }),
  'AccessService/ExplainAccess': ofService({ action: 'load' }),
  'AccessService/ReadAudit': ofService(),
  'ServerReflection/v1': ofService(),
  'ServerReflection/v1alpha': ofService(),
};
