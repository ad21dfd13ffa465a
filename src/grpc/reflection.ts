import { create, type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { Server } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';

/**
 * Server reflection, v1 and v1alpha, so that grpcurl and its like need no protos. Exempt from plans: it tells what
 * stands in the public protos.
 */
export function addReflection(server: Pick<Server, 'addService'>, services: readonly DescService[]): void {
  const files = new Set<DescFile>();
  for (const service of services) collect(service.file, files);
  const set = create(FileDescriptorSetSchema, { file: [...files].map(({ proto }) => proto) });
  const definition = loadFileDescriptorSetFromBuffer(Buffer.from(toBinary(FileDescriptorSetSchema, set)));
  new ReflectionService(definition, { services: services.map(({ typeName }) => typeName) }).addToServer(
    server,
  );
}

/** Dependencies first. */
function collect(file: DescFile, files: Set<DescFile>): void {
  if (files.has(file)) return;
  for (const dependency of file.dependencies) collect(dependency, files);
  files.add(file);
}
