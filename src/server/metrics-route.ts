import type { FastifyInstance, FastifyRequest } from "fastify";
import { NO_INSTANCE } from "../control/traffic-totals.ts";
import type { ServerDeps } from "./deps.ts";
import { EXPOSITION_TYPE } from "./exposition.ts";
import { metricsPage } from "./metrics-page.ts";

/**
 * `GET /metrics`, for Prometheus and whatever reads its text. It asks for an access key like all of the API: the names of services are
 * nobody else's business, and a scraper can send a key.
 */
export function addMetricsRoute(
  app: FastifyInstance,
  { control, clock }: ServerDeps,
  checkAccess: (request: FastifyRequest) => void,
): void {
  const startS = clock.now() / 1000 - process.uptime();
  app.get("/metrics", {
    exposeHeadRoute: true,
    onRequest: async (request) => checkAccess(request),
    handler: async (request, reply) => {
      const picture = await control.read();
      const work = await control.work();
      const measured = control.measured();
      const living = new Set([...picture.statuses.values()].flatMap((s) => s.instances.map((i) => i.id)));
      const { services } = picture.state;
      measured.totals.forgetGone(
        {
          isInstance: (service, instance) =>
            instance === NO_INSTANCE ? services.has(service) : living.has(instance),
          isMirror: (service, target) => services.get(service)?.mirror?.targets.includes(target) === true,
        },
        clock.now(),
      );
      const { user, system } = process.cpuUsage();
      const own = { cpuS: (user + system) / 1e6, rssBytes: process.memoryUsage.rss(), startS };
      const [gateways, loops] = [control.gateways(), control.loops()];
      reply.header("x-request-id", request.id).header("content-type", EXPOSITION_TYPE);
      return metricsPage({ picture, measured, work, gateways, loops, process: own });
    },
  });
}
