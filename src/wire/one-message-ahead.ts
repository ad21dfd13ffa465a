import type { Readable } from 'node:stream';

/**
 * Lets a gRPC stream decode one message ahead of its reader, not sixteen: that is what Node's object streams buffer,
 * grpc-js has no option for it, and sixteen pages of 2 MiB are not what "bounded" should mean. The transport's own
 * window holds back the rest.
 */
export function oneMessageAhead<Stream extends Readable>(stream: Stream): Stream {
  const state: unknown = Reflect.get(stream, '_readableState');
  if (typeof state === 'object' && state !== null) Reflect.set(state, 'highWaterMark', 1);
  return stream;
}
