import { z } from 'zod';
import { DEFAULT_LIMITS } from './core/limits.js';
import { namespaceProblem } from './core/namespace.js';

// Each setting is written once, here: its flag, its variable, its key in the file, its rule, its default and its help all
// come from this table.

const count = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.coerce.number({ error }).int(error).min(least, error).max(most, error);
};
const port = count(0, 65535);
const filled = z.string('must be text').min(1, 'must not be empty');
const host = filled;
const flag = z.union([z.boolean(), z.stringbool()], { error: 'must be true or false' });

/** One setting. */
export interface Setting<T extends z.ZodType> {
  readonly schema: T;
  readonly default: z.output<T>;
  /** The environment variable; others are made of the key: `grpcPort` is HEADWATER_GRPC_PORT. */
  readonly variable?: string;
  /** What stands behind the flag in the help; none for a switch. */
  readonly value?: string;
  readonly help: string;
  /** Holds credentials, which are never shown. */
  readonly secret?: boolean;
  /** Its flag may be given several times. */
  readonly repeatable?: boolean;
}

const URL_BEGINS = 'must begin with postgres:// or postgresql://';
const url = z.string(URL_BEGINS).regex(/^postgres(ql)?:\/\//, URL_BEGINS);
const urlOrNone = z.union([url, z.literal('')], { error: URL_BEGINS });
const name = z.string('must be text').refine((value) => namespaceProblem(value) === undefined, {
  error: ({ input }) => namespaceProblem(String(input)),
});

const PLACEMENTS = 'must be pairs of a namespace and the URL of its Postgres, as orders=postgres://db/app';

/** Pairs as the flag, the variable and the file have them, which become one object. */
const placements = z
  .unknown()
  .transform((value, context) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    // A URL may hold a comma, so what is behind one must look like another pair.
    const texts = [value].flat().flatMap((text) => String(text).split(/,(?=[^,=/]*=postgres)/));
    const pairs = texts.map((text): [string, string] => {
      const [name = '', ...url] = text.split('=');
      return [name.trim(), url.join('=').trim()];
    });
    if (new Set(pairs.map(([name]) => name)).size < pairs.length)
      context.addIssue({ code: 'custom', message: `${PLACEMENTS}, each namespace once` });
    return Object.fromEntries(pairs);
  })
  .refine(
    (pairs) =>
      Object.entries(pairs).every(
        (pair) => name.safeParse(pair[0]).success && url.safeParse(pair[1]).success,
      ),
    PLACEMENTS,
  )
  .transform((pairs): Readonly<Record<string, string>> => Object.fromEntries(Object.entries(pairs)));

/** As the flag, the variable and the file have it. */
const list = z
  .union([z.array(z.string('must be text')), z.string('must be text')])
  .transform((value): readonly string[] =>
    [value]
      .flat()
      .flatMap((text) => text.split(','))
      .map((text) => text.trim())
      .filter((text) => text !== ''),
  );
/** Signatures that only the issuer can make. */
const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

const setting = <T extends z.ZodType>(one: Setting<T>): Setting<T> => one;

/** All settings by name, in the order in which they are shown. */
export const SETTINGS = {
  databaseUrl: setting({
    schema: urlOrNone,
    default: '',
    variable: 'DATABASE_URL',
    value: 'url',
    help: 'the Postgres to use, 15 or newer; without it an embedded one is started',
    secret: true,
  }),
  readDatabaseUrl: setting({
    schema: urlOrNone,
    default: '',
    variable: 'READ_DATABASE_URL',
    value: 'url',
    help: 'a streaming replica of DATABASE_URL, for loads with min_position or stale_ok; without it the primary serves them',
    secret: true,
  }),
  durability: setting({
    schema: z.enum(['local', 'quorum'], { error: 'must be local or quorum' }),
    default: 'local',
    value: 'profile',
    help: 'what an acknowledged append has survived: local, the disk of the primary; quorum, also that of a synchronous standby',
  }),
  namespace: setting({
    schema: name,
    default: 'headwater',
    value: 'name',
    help: 'the default namespace, which is the name of a Postgres schema; made if it is not there',
  }),
  placements: setting({
    schema: placements,
    default: {},
    value: 'name=url',
    help: 'a namespace that lives on another Postgres; may be given several times, with commas in the variable, as an object in the file',
    secret: true,
    repeatable: true,
  }),
  maxNamespaces: setting({
    schema: count(1, 10_000),
    default: 100,
    value: 'n',
    help: 'namespaces that may be open at the same time; one is opened when it is first used',
  }),
  data: setting({
    schema: filled,
    default: '.headwater',
    value: 'folder',
    help: 'where the embedded Postgres keeps its data',
  }),
  grpcHost: setting({
    schema: host,
    default: '127.0.0.1',
    value: 'address',
    help: 'the address that gRPC listens on',
  }),
  grpcPort: setting({
    schema: port,
    default: 50051,
    value: 'port',
    help: 'the port of gRPC; 0 takes a free one',
  }),
  httpHost: setting({
    schema: host,
    default: '127.0.0.1',
    value: 'address',
    help: 'the address that HTTP listens on',
  }),
  httpPort: setting({
    schema: port,
    default: 8080,
    value: 'port',
    help: 'the port of HTTP (health); 0 takes a free one',
  }),
  allowUnauthenticated: setting({
    schema: flag,
    default: false,
    help: 'serve addresses beyond this machine although nobody is authenticated',
  }),
  accessFile: setting({
    schema: z.string('must be text'),
    default: '',
    value: 'file',
    help: 'who may what, as JSON (docs/security.md); with it every caller must say who they are, and nothing is allowed that it does not allow',
  }),
  accessShadow: setting({
    schema: flag,
    default: false,
    help: 'refuse nothing to who is authenticated, and log and audit what would be refused',
  }),
  accessNamespace: setting({
    schema: name,
    default: 'headwater_access',
    value: 'name',
    help: 'the namespace in which tokens, roles and the audit are kept; made when accessFile is set',
  }),
  audit: setting({
    schema: z.enum(['none', 'changes', 'all'], { error: 'must be none, changes or all' }),
    default: 'changes',
    value: 'what',
    help: 'what is audited: changes, what was refused and what administrators did; all, every call; none',
  }),
  jwtKeys: setting({
    schema: z.string('must be text'),
    default: '',
    value: 'url or file',
    help: 'the keys of the issuer of tokens: the https URL of its key set (JWKS), a file with one, or a public key in PEM. A file is read again when it changes',
  }),
  jwtIssuers: setting({
    schema: list,
    default: [],
    value: 'issuer',
    help: 'who issues tokens: their iss; several with commas',
    repeatable: true,
  }),
  jwtAudiences: setting({
    schema: list,
    default: [],
    value: 'audience',
    help: 'for whom tokens are issued: one of these must be in their aud; several with commas',
    repeatable: true,
  }),
  jwtAlgorithms: setting({
    schema: list.refine((names) => names.every((one) => ASYMMETRIC.includes(one)), {
      error: `must be of ${ASYMMETRIC.join(', ')}`,
    }),
    default: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    value: 'names',
    help: 'with which signatures tokens are good; several with commas',
    repeatable: true,
  }),
  jwtToleranceSeconds: setting({
    schema: count(0, 30),
    default: 5,
    value: 's',
    help: 'by how much the clock of the issuer may differ',
  }),
  tlsCert: setting({
    schema: z.string('must be text'),
    default: '',
    value: 'file',
    help: 'the certificate of the service, in PEM with what it is signed by; gRPC and HTTP then speak TLS. Read again when it changes',
  }),
  tlsKey: setting({
    schema: z.string('must be text'),
    default: '',
    value: 'file',
    help: 'the key of the certificate, in PEM',
  }),
  tlsClientCa: setting({
    schema: z.string('must be text'),
    default: '',
    value: 'file',
    help: 'who signs the certificates of clients, in PEM; clients of gRPC must then show one, and are known by it where they send no token',
  }),
  logLevel: setting({
    schema: z.enum(['debug', 'info', 'warn', 'error', 'silent'], {
      error: 'must be debug, info, warn, error or silent',
    }),
    default: 'info',
    value: 'level',
    help: 'debug, info, warn, error or silent; JSON lines on standard error',
  }),
  readConnections: setting({
    schema: count(1, 500),
    default: 8,
    value: 'n',
    help: 'connections to each database for reading, all namespaces together',
  }),
  replicaConnections: setting({
    schema: count(1, 500),
    default: 8,
    value: 'n',
    help: 'connections to READ_DATABASE_URL, all namespaces together',
  }),
  appendConnections: setting({
    schema: count(2, 500),
    default: 8,
    value: 'n',
    help: 'connections to each database for appending, all namespaces together; one alone uses two',
  }),
  connectTimeoutMs: setting({
    schema: count(100, 60_000),
    default: 5000,
    value: 'ms',
    help: 'how long to wait for a database connection',
  }),
  statementTimeoutMs: setting({
    schema: count(100, 600_000),
    default: 30_000,
    value: 'ms',
    help: 'how long to wait for one statement, a commit included',
  }),
  drainTimeoutMs: setting({
    schema: count(0, 600_000),
    default: 25_000,
    value: 'ms',
    help: 'how long SIGTERM waits for calls under way',
  }),
  stallTimeoutMs: setting({
    schema: count(1000, 86_400_000),
    default: 60_000,
    value: 'ms',
    help: 'how long a reader may stand still before its stream is ended',
  }),
  maxConcurrentStreams: setting({
    schema: count(1, 100_000),
    default: 1000,
    value: 'n',
    help: 'calls under way on one connection',
  }),
  appendQueueRequests: setting({
    schema: count(1, 1_000_000),
    default: 20_000,
    value: 'n',
    help: 'appends that may wait for their turn',
  }),
  appendQueueBytes: setting({
    schema: count(1024, 2 ** 40),
    default: 64 * 1024 * 1024,
    value: 'bytes',
    help: 'bytes of the appends that may wait for their turn',
  }),
  sweepIntervalMs: setting({
    schema: count(100, 86_400_000),
    default: 60_000,
    value: 'ms',
    help: 'how long the sweep, which empties what streams no longer keep, rests between two passes',
  }),
  ringBytes: setting({
    schema: count(1024, 2 ** 40),
    default: 16 * 1024 * 1024,
    value: 'bytes',
    help: 'the newest events that are kept in memory for live subscribers',
  }),
  storeMiddleware: setting({
    schema: z.string('must be text'),
    default: '',
    value: 'file',
    help: 'a JavaScript module whose export `middleware` is put around the store (docs/store-middleware.md)',
  }),
  domain: setting({
    schema: z.string(),
    default: '',
    value: 'file',
    help: 'a module whose export `domain` decides commands and folds aggregates in the service: JavaScript, or TypeScript where Node or tsx can',
  }),
  commandPolicies: setting({
    schema: z.enum(['named', 'enforce'], { error: 'must be named or enforce' }),
    default: 'named',
    value: 'whom',
    help: 'whom the policies of commands hold: named, callers who say who they are; enforce, everybody',
  }),
  decideTimeoutMs: setting({
    schema: count(10, 600_000),
    default: 5000,
    value: 'ms',
    help: 'how long a worker may take to decide a command before another is asked',
  }),
  workerGraceMs: setting({
    schema: count(0, 600_000),
    default: 5000,
    value: 'ms',
    help: 'how long after its start the service answers commands that no worker has registered yet with STORE_UNAVAILABLE',
  }),
  eventDataBytes: setting({
    schema: count(1, 3 * 1024 * 1024),
    default: DEFAULT_LIMITS.eventDataBytes,
    value: 'bytes',
    help: "the limit of one event's data",
  }),
  eventMetadataBytes: setting({
    schema: count(0, 256 * 1024),
    default: DEFAULT_LIMITS.eventMetadataBytes,
    value: 'bytes',
    help: "the limit of one event's metadata",
  }),
  eventTags: setting({
    schema: count(0, 256),
    default: DEFAULT_LIMITS.eventTags,
    value: 'n',
    help: 'the limit of tags on one event',
  }),
  appendEvents: setting({
    schema: count(1, 10_000),
    default: DEFAULT_LIMITS.appendEvents,
    value: 'n',
    help: 'the limit of events in one append',
  }),
  appendBytes: setting({
    schema: count(1024, 5 * 1024 * 1024),
    default: DEFAULT_LIMITS.appendBytes,
    value: 'bytes',
    help: 'the limit of bytes in one append',
  }),
};

type Settings = typeof SETTINGS;
export type SettingName = keyof Settings;
export type AnySetting = Setting<z.ZodType>;

/** All settings with their values. */
export type Config = { readonly [K in SettingName]: z.output<Settings[K]['schema']> };
