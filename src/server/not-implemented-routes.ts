import type { FastifyInstance, FastifyRequest } from "fastify";
import { NOT_IMPLEMENTED } from "../api/not-implemented.ts";
import { ServingError } from "../core/errors.ts";

/**
 * Operations that are refused, each with what to use meanwhile. Before the key is checked nothing is told; after it nothing else is looked
 * at, neither the region nor the query nor the body, so that whoever asks learns the one thing that matters.
 */
export function addNotImplementedRoutes(
  app: FastifyInstance,
  checkAccess: (request: FastifyRequest) => Promise<unknown>,
): void {
  for (const [operation, { method, path, instead }] of Object.entries(NOT_IMPLEMENTED)) {
    const refuse = async (request: FastifyRequest) => {
      await checkAccess(request);
      throw new ServingError("NOT_IMPLEMENTED", { operation, instead });
    };
    app.route({ method, url: path.replace(/\{(\w+)\}/g, ":$1"), onRequest: refuse, handler: refuse });
  }
}
