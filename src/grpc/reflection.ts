import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';

/**
 * Server reflection, v1 and v1alpha, so that grpcurl and its like need no protos. Exempt from plans: it tells what
 * stands in the public protos.
 *
 * The library wants a package of proto-loader's, of which it reads only the descriptors; it gets ours as they are.
 * Those that come through proto-loader have all files of a package in one, no imports and relative names, and other
 * languages refuse to link them.
 */
export function addReflection(server: Pick<Server, 'addService'>, services: readonly DescService[]): void {
  const files = new Set<DescFile>();
  for (const service of services) collect(service.file, files);
  const fileDescriptorProtos = [...files].map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)),
  );
  new ReflectionService(
    { files: { format: 'Protocol Buffer 3 EnumDescriptorProto', type: {}, fileDescriptorProtos } },
    { services: services.map(({ typeName }) => typeName) },
  ).addToServer(server);
}

/** Dependencies first. */
function collect(file: DescFile, files: Set<DescFile>): void {
  if (files.has(file)) return;
  for (const dependency of file.dependencies) collect(dependency, files);
  files.add(file);
}
