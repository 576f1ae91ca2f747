import fastify, { type FastifyInstance } from "fastify";
import { ServingError } from "../core/errors.ts";
import type { Random } from "../ports/random.ts";
import { answerBrokenRequest } from "./broken-request.ts";
import { SERVER_LIMITS } from "./deps.ts";
import { refusalOf } from "./refusal.ts";

export interface StandbyDeps {
  readonly random: Random;
  /** Address of the control API of the one who leads; null: nobody does, as far as is known. */
  readonly leader: () => string | null;
}

/** A client that tries again finds a leader after so long, most likely. */
const RETRY_AFTER_S = 1;

/**
 * The control API of a process that waits to lead; it does not listen yet. It lives, and is not ready: everything is refused by NOT_LEADER with the
 * address of the one who leads, reads too, since what is read should not be older than what was just written there. No key is asked for, as
 * nothing else is told.
 */
export function createStandbyApp({ random, leader }: StandbyDeps): FastifyInstance {
  const app = fastify({
    logger: false,
    genReqId: () => random.uuid(),
    requestTimeout: SERVER_LIMITS.requestMs,
    forceCloseConnections: true,
    http: { headersTimeout: SERVER_LIMITS.headMs },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, random.uuid(), SERVER_LIMITS),
  });
  app.server.maxConnections = SERVER_LIMITS.connectionsMax;
  app.get("/healthz", async (request, reply) => {
    reply.header("x-request-id", request.id);
    return { RequestId: request.id, Status: "ok" };
  });
  // Before any body is read.
  app.addHook("onRequest", async (request, reply) => {
    const path = request.url.split("?", 1)[0];
    if (path === "/healthz" && (request.method === "GET" || request.method === "HEAD")) return;
    const { status, body } = refusalOf(new ServingError("NOT_LEADER", { leader: leader() }), request.id);
    const isReadiness = path === "/readyz";
    await reply
      .headers({ "x-request-id": request.id, "retry-after": RETRY_AFTER_S, connection: "close" })
      .code(status)
      .send(isReadiness ? { ...body, Status: "standby" } : body);
  });
  return app;
}
