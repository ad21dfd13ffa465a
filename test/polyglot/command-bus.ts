import { credentials, Client as GrpcClient, Metadata } from '@grpc/grpc-js';
import { CommandService } from '../../gen/headwater/v1/command_service_pb.js';
import type { RoleBinding } from '../../src/auth/principal.js';
import type { CommandBus } from '../../src/core/command.js';
import {
  DeadlineExceededError,
  type HeadwaterError,
  OverloadedError,
  StoreUnavailableError,
} from '../../src/core/errors.js';
import { fromWireExecuted, toWireCommand } from '../../src/wire/command.js';
import { PRINCIPAL_HEADER, toPrincipalHeader } from '../../src/wire/principal.js';
import { fromStatusDetails, STATUS_DETAILS_KEY } from '../../src/wire/status-details.js';
import { unary } from '../grpc/service.js';

const TRIES = 20;
const PAUSE_MS = 250;

/** Commands over the plain RPC, from somebody with the binding; tried again as its contract says. */
export function busOf(address: string, binding: RoleBinding): CommandBus & { close(): void } {
  const raw = new GrpcClient(address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set(PRINCIPAL_HEADER, toPrincipalHeader({ kind: 'USER', id: 'ada', bindings: [binding] }));
  return {
    async execute(command) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          const request = toWireCommand(command);
          return fromWireExecuted(
            await unary(raw, CommandService.method.execute, request, { metadata, deadlineMs: 10_000 }),
          );
        } catch (caught) {
          const error = failureOf(caught);
          if (!mayRetry(error) || attempt === TRIES) throw error;
          await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        }
      }
    },
    close: () => raw.close(),
  };
}

function failureOf(caught: unknown): HeadwaterError {
  const { code, details, metadata } = caught as { code: number; details: string; metadata: Metadata };
  const [bytes] = metadata.get(STATUS_DETAILS_KEY);
  return fromStatusDetails({ code, message: details }, Buffer.isBuffer(bytes) ? bytes : undefined);
}

function mayRetry(error: HeadwaterError): boolean {
  return (
    error instanceof StoreUnavailableError ||
    error instanceof OverloadedError ||
    error instanceof DeadlineExceededError
  );
}
