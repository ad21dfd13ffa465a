import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { Server, ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { shuttingDown } from './calls.js';
import type { Desk } from './desk.js';
import { toServiceError } from './failure.js';

/**
 * Server reflection, v1 and v1alpha, so that grpcurl and its like need no protos. Behind the same policy as all else: it tells
 * what a service is made of.
 *
 * The library wants a package of proto-loader's, of which it reads only the descriptors; it gets ours as they are.
 * Those that come through proto-loader have all files of a package in one, no imports and relative names, and other
 * languages refuse to link them.
 */
export function addReflection(
  server: Pick<Server, 'addService'>,
  services: readonly DescService[],
  desk: Desk,
): void {
  const files = new Set<DescFile>();
  for (const service of services) collect(service.file, files);
  const fileDescriptorProtos = [...files].map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)),
  );
  new ReflectionService(
    { files: { format: 'Protocol Buffer 3 EnumDescriptorProto', type: {}, fileDescriptorProtos } },
    { services: services.map(({ typeName }) => typeName) },
  ).addToServer(admitting(server, desk));
}

/** Dependencies first. */
function collect(file: DescFile, files: Set<DescFile>): void {
  if (files.has(file)) return;
  for (const dependency of file.dependencies) collect(dependency, files);
  files.add(file);
}

/** A server whose services, which the library writes, are asked for by who may. */
function admitting(server: Pick<Server, 'addService'>, desk: Desk): Server {
  const addService: Server['addService'] = (definition, implementation) => {
    const handlers = Object.entries(implementation).map(([name, handler]) => {
      const admitted = (call: ServerDuplexStream<unknown, unknown>) => {
        const scope = desk.calls.open(call);
        scope.onDrain = () => scope.abort(shuttingDown());
        const admit = async () => {
          const admission = await desk.admit(call, scope);
          admission.keep({ ...admission.caller, action: 'reflect', resources: [{ kind: 'SERVICE' }] });
          admission.watch();
          scope.signal.addEventListener('abort', () => end(scope.signal.reason), { once: true });
          (handler as (call: unknown) => void)(call);
        };
        const end = (error: unknown) => {
          if (!scope.gone) call.emit('error', toServiceError(desk.failure(error, 'reflection')));
        };
        admit().catch(end);
      };
      return [name, admitted] as const;
    });
    server.addService(definition, Object.fromEntries(handlers) as UntypedServiceImplementation);
  };
  // Of a server the library uses nothing else.
  return { addService } as Server;
}
