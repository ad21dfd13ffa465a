import { createHash } from 'node:crypto';
import path from 'node:path';
import { credentials, Client as GrpcClient, Metadata } from '@grpc/grpc-js';
import { inject } from 'vitest';
import { CommandService } from '../../gen/headwater/v1/command_service_pb.js';
import {
  AggregateManager,
  type Command,
  type CommandMiddleware,
  CommandRejectedError,
  type CommandRegistry,
  connect,
  type EventStore,
  type Executed,
  HeadwaterError,
  type Principal,
  type RoleBinding,
  systemRuntime,
} from '../../src/index.js';
import { createMemoryEventStore } from '../../src/testing/index.js';
import { fromWireExecuted, toWireCommand } from '../../src/wire/command.js';
import { PRINCIPAL_HEADER, toPrincipalHeader } from '../../src/wire/principal.js';
import { failureOf, unary } from '../grpc/service.js';
import { serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase, openTestStore } from '../support/test-database.js';

export type User = Principal & { readonly kind: 'USER' };

/** Somebody, with `role in scope` or `role in scope on resource` for each binding. */
export function userWith(id: string, ...bindings: readonly string[]): User {
  return {
    kind: 'USER',
    id,
    bindings: bindings.map((text): RoleBinding => {
      const [role = '', scope = '', resource] = text.split(/ in | on /);
      return { role, scope, ...(resource === undefined ? {} : { resource }) };
    }),
  };
}

/** A domain that runs somewhere. */
export interface RunningDomain {
  readonly store: EventStore;
  /** As who it is, over a connection of one's own where there is a network. */
  send(principal: User, command: Command): Promise<Executed>;
  close(): Promise<void>;
}

export interface Domain {
  /** The folder of its `domain.ts` in examples. */
  readonly name: string;
  readonly domain: CommandRegistry;
  /** Only in process. */
  readonly middleware?: (store: EventStore) => readonly CommandMiddleware[];
}

/** Where the tests of a domain run: the same domain each time. */
export const HOSTS: readonly {
  readonly host: string;
  readonly run: (domain: Domain) => Promise<RunningDomain>;
}[] = [
  { host: 'in process, in memory', run: (domain) => inProcess(domain, inMemory()) },
  { host: 'in process, on Postgres', run: async (domain) => inProcess(domain, await openTestStore()) },
  { host: 'in a service, over gRPC', run: inService },
];

/** Why a command was refused: the reason, or that of the domain with its code. */
export async function refusalOf(sent: Promise<Executed>): Promise<string> {
  try {
    const { aggregate, version } = await sent;
    return `done: ${aggregate.aggregateType} is at version ${version}`;
  } catch (error) {
    if (error instanceof CommandRejectedError) return `${error.code} ${error.domainReason}`;
    if (error instanceof HeadwaterError) return error.reason;
    throw error;
  }
}

interface Opened {
  readonly store: EventStore;
  close(): Promise<void>;
}

function inMemory(): Opened {
  return { store: createMemoryEventStore({ runtime: systemRuntime }), close: () => Promise.resolve() };
}

function inProcess({ domain, middleware }: Domain, { store, ...opened }: Opened): Promise<RunningDomain> {
  const manager = new AggregateManager({
    store,
    registry: domain,
    runtime: systemRuntime,
    hash: (bytes) => createHash('sha256').update(bytes).digest(),
    ...(middleware ? { middleware: middleware(store) } : {}),
  });
  return Promise.resolve({
    store,
    send: (principal, command) => manager.execute(command, { principal }),
    close: async () => {
      await manager.settled();
      await opened.close();
    },
  });
}

/** Plain calls, as a program without our library makes them. */
async function inService({ name }: Domain): Promise<RunningDomain> {
  const namespace = newSchemaName();
  const module = path.resolve(import.meta.dirname, `../../dist/examples/${name}/domain.js`);
  const service = await serve(['--namespace', namespace, '--domain', module], urlOf(inject('connection')));
  const connection = connect({ address: service.address });
  const clients = new Map<User, GrpcClient>();
  const clientOf = (principal: User) => {
    const known =
      clients.get(principal) ??
      new GrpcClient(service.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    clients.set(principal, known);
    return known;
  };
  return {
    store: connection.eventStore,
    send: async (principal, command) => {
      const metadata = new Metadata();
      metadata.set(PRINCIPAL_HEADER, toPrincipalHeader(principal));
      const call = unary(clientOf(principal), CommandService.method.execute, toWireCommand(command), {
        metadata,
      });
      try {
        return fromWireExecuted(await call);
      } catch {
        throw (await failureOf(call)).error;
      }
    },
    close: async () => {
      for (const client of clients.values()) client.close();
      connection.close();
      await service.kill('SIGTERM');
      const database = openDatabase();
      await database.query('append', `DROP SCHEMA "${namespace}" CASCADE`, []);
      await database.close();
    },
  };
}
