import type { FastifyInstance, FastifyRequest } from "fastify";
import { NO_INSTANCE } from "../control/traffic-totals.ts";
import type { Actor } from "../core/access/caller.ts";
import type { AccessCounts } from "./access.ts";
import type { ServerDeps } from "./deps.ts";
import { EXPOSITION_TYPE } from "./exposition.ts";
import { metricsPage } from "./metrics-page.ts";

/**
 * `GET /metrics`, for Prometheus and whatever reads its text. It asks for an access key like all of the API: the names of services are
 * nobody else's business, and a scraper can send a key.
 */
export function addMetricsRoute(
  app: FastifyInstance,
  { control: everything, clock }: ServerDeps,
  counts: AccessCounts,
  checkAccess: (request: FastifyRequest) => Promise<Actor>,
): void {
  const actors = new WeakMap<FastifyRequest, Actor>();
  const startS = clock.now() / 1000 - process.uptime();
  app.get("/metrics", {
    exposeHeadRoute: true,
    onRequest: async (request) => {
      actors.set(request, await checkAccess(request));
    },
    handler: async (request, reply) => {
      const actor = actors.get(request)!;
      const control = everything.as(actor);
      const isRestricted = actor.caller.restriction !== null;
      const picture = await control.read();
      const work = await control.work();
      const measured = control.measured();
      const all = await everything.read();
      const living = new Set([...all.statuses.values()].flatMap((s) => s.instances.map((i) => i.id)));
      const { services } = all.state;
      everything.measured().forgetGone(
        {
          isInstance: (service, instance) =>
            instance === NO_INSTANCE ? services.has(service) : living.has(instance),
          isMirror: (service, target) => services.get(service)?.mirror?.targets.includes(target) === true,
        },
        clock.now(),
      );
      const { user, system } = process.cpuUsage();
      const own = { cpuS: (user + system) / 1e6, rssBytes: process.memoryUsage.rss(), startS };
      const [gateways, loops] = isRestricted ? [[], []] : [control.gateways(), control.loops()];
      reply.header("x-request-id", request.id).header("content-type", EXPOSITION_TYPE);
      return metricsPage({
        picture,
        measured,
        work,
        gateways,
        loops,
        access: isRestricted ? null : counts,
        process: own,
      });
    },
  });
}
