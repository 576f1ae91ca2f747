import { DATA_PATH_REASONS, type DataPathReason } from "../core/errors.ts";
import { GRPC } from "../core/grpc.ts";

/** By gRPC status: the HTTP status under which a call is counted, as google.rpc.Code pairs them; 499 as for all whose client left. */
const COUNTED_AS = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
] as const;

/** HTTP status for the metrics of a call that ended with `grpcStatus`, the text of the field; null: there was none. */
export function countedAs(grpcStatus: string | null, httpStatus: number): number {
  if (grpcStatus !== null && /^\d{1,2}$/.test(grpcStatus)) return COUNTED_AS[Number(grpcStatus)] ?? 500;
  // An answer that is not gRPC has its own status; gRPC's that breaks off without one is an unknown error.
  return httpStatus === 200 ? 500 : httpStatus;
}

/** gRPC status of a call that the gateway refuses itself. */
export function statusOf(reason: DataPathReason): number {
  switch (reason) {
    case "UPSTREAM_TIMEOUT":
      return GRPC.DEADLINE_EXCEEDED;
    case "BODY_TOO_LARGE":
    case "HEAD_TOO_LARGE":
      return GRPC.RESOURCE_EXHAUSTED;
  }
  switch (DATA_PATH_REASONS[reason].status) {
    case 401:
      return GRPC.UNAUTHENTICATED;
    // As gRPC itself maps 404: a client that sees it as NOT_FOUND takes it for the method's own word.
    case 404:
    case 415:
      return GRPC.UNIMPLEMENTED;
    case 429:
      return GRPC.RESOURCE_EXHAUSTED;
    case 502:
    case 503:
      return GRPC.UNAVAILABLE;
    default:
      return GRPC.INTERNAL;
  }
}

/** gRPC status of a call whose stream the instance reset with this HTTP/2 code (PROTOCOL-HTTP2.md of grpc/grpc, "Errors"). */
export function statusOfReset(code: number): number {
  switch (code) {
    case 7: // REFUSED_STREAM
      return GRPC.UNAVAILABLE;
    case 8: // CANCEL
      return GRPC.CANCELLED;
    case 11: // ENHANCE_YOUR_CALM
      return GRPC.RESOURCE_EXHAUSTED;
    case 12: // INADEQUATE_SECURITY
      return GRPC.PERMISSION_DENIED;
    default:
      return GRPC.INTERNAL;
  }
}
