import type { IncomingMessage } from "node:http";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { notEffectiveNames } from "../api/fields.ts";
import { roleOf } from "../api/operation.ts";
import { OPERATION_LIST } from "../api/operations.ts";
import { isRequestId } from "../api/request-id.ts";
import { type Actor, type Caller, refuseUnfit } from "../core/access/caller.ts";
import { ServingError } from "../core/errors.ts";
import { parseJson } from "../core/spec/parse-json.ts";
import { type Checked, checkBody, createAccess } from "./access.ts";
import { readBody } from "./body.ts";
import { answerBrokenRequest } from "./broken-request.ts";
import { SERVER_LIMITS, type ServerDeps } from "./deps.ts";
import { type Handler, LineStream } from "./handler.ts";
import { HANDLERS } from "./handlers.ts";
import { checked, typedQuery } from "./input.ts";
import { streamLines } from "./line-stream.ts";
import { addMetricsRoute } from "./metrics-route.ts";
import { addNotImplementedRoutes } from "./not-implemented-routes.ts";
import { asRefusal } from "./refusal.ts";
import { isWantOfRight, RefusedChanges } from "./refused-changes.ts";
import type { SignedParts } from "./signing/signature.ts";
import { StrangerLines } from "./stranger-lines.ts";
import { unknownRoute } from "./unknown-route.ts";

/** Longest name of a host, with a port. */
const HOST_CHARS_MAX = 260;

declare module "fastify" {
  interface FastifyContextConfig {
    /** The body may be as long as a backup. */
    readonly takesLines?: boolean;
  }
}

type Operation = (typeof OPERATION_LIST)[number];
/** Their answers are documents of another form, to which nothing is added. */
const BARE: ReadonlySet<string> = new Set(["DescribeOpenApi", "DescribeServiceSchema"]);

/**
 * The control API as an HTTP server that does not listen yet. Every operation of the contract is one route:
 * key, then input against its schema, then its handler. Every answer carries RequestId.
 */
export function createApp(deps: ServerDeps): FastifyInstance {
  const limits = { ...SERVER_LIMITS, ...deps.limits };
  const app = fastify({
    logger: false,
    genReqId: ({ headers }) => {
      const given = headers["x-request-id"];
      return typeof given === "string" && isRequestId(given) ? given : deps.random.uuid();
    },
    exposeHeadRoutes: false,
    requestTimeout: limits.requestMs,
    http: { headersTimeout: limits.headMs, connectionsCheckingInterval: Math.min(1000, limits.headMs) },
    // Names over 63 characters get SERVICE_NOT_FOUND like any other that nobody has.
    routerOptions: { maxParamLength: 1000 },
    frameworkErrors: (_, request, reply) =>
      refuse(new ServingError("BAD_REQUEST", { detail: "the path is not a valid URL" }), request, reply),
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, deps.random.uuid(), limits),
  });
  app.server.maxConnections = limits.connectionsMax;
  const access = createAccess({
    ownKey: deps.ownKey,
    sealer: deps.sealer,
    keys: () => deps.control.accessKeys(),
    now: () => deps.clock.now(),
    monotonic: () => deps.clock.monotonic(),
    windowMs: deps.signatureWindowMs,
  });
  const refusedChanges = new RefusedChanges(deps);
  const strangers = new StrangerLines();
  /** Who asks, for as long as the request lives. */
  const callers = new WeakMap<FastifyRequest, Checked>();
  const checkAccess = async (request: FastifyRequest) => {
    const checkedCaller = await access.check(signedParts(request), remoteAddress(request));
    callers.set(request, checkedCaller);
    return checkedCaller;
  };

  const closing = new AbortController();

  /** Does it, and notes when it is a change that the caller had no right to. */
  function noteRefusals<T>(operation: Operation, actor: Actor | null, act: () => T): T {
    const onError = (error: unknown): never => {
      if (actor !== null && error instanceof ServingError && isWantOfRight(error, actor)) {
        if (error.code === "FORBIDDEN") access.counts.forbidden += 1;
        if (operation.method !== "GET") refusedChanges.note(actor, error);
      }
      throw error;
    };
    try {
      const result = act();
      return result instanceof Promise ? (result.catch(onError) as T) : result;
    } catch (error) {
      return onError(error);
    }
  }

  function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    if (!(error instanceof ServingError))
      deps.log.error({ requestId: request.id, err: error }, "a request failed");
    const { status, body } = asRefusal(error, request.id);
    if (error instanceof ServingError && error.code === "TOO_MANY_FAILURES")
      reply.header("retry-after", (error as ServingError<"TOO_MANY_FAILURES">).facts.retryAfterS);
    if (status === 401) reply.header("www-authenticate", 'Bearer realm="sluice"');
    if (error instanceof ServingError && error.code === "METHOD_NOT_ALLOWED")
      reply.header("allow", (error as ServingError<"METHOD_NOT_ALLOWED">).facts.allowed.join(", "));
    // What is left of the request is not worth reading.
    if (status === 413) reply.header("connection", "close");
    const HostId = (request.headers.host ?? "").slice(0, HOST_CHARS_MAX);
    reply
      .header("x-request-id", request.id)
      .code(status)
      .send({ ...body, HostId });
  }

  function bodyLimits({ routeOptions }: FastifyRequest) {
    const bytesMax = routeOptions.config.takesLines ? limits.linesBytesMax : limits.documentBytesMax;
    return { bytesMax, discardBytesMax: Math.max(bytesMax, limits.discardBytesMax) };
  }

  app.removeAllContentTypeParsers();
  // Whatever the client calls it: bodies of this API are JSON, and what is none is told by line and column.
  app.addHook("onRequest", async (request) => {
    if (request.headers["content-type"] !== undefined) request.headers["content-type"] = "application/json";
  });
  app.addContentTypeParser("*", (request: FastifyRequest, payload: IncomingMessage) =>
    readBody(payload, bodyLimits(request), (bytes) => {
      const caller = callers.get(request);
      if (caller !== undefined) checkBody(caller.body, bytes);
    }),
  );
  app.setErrorHandler(refuse);
  app.setNotFoundHandler(async (request) => {
    await checkAccess(request);
    throw unknownRoute(request.method, request.url);
  });
  app.addHook("onResponse", async (request, reply) => {
    const keyId = callers.get(request)?.caller.keyId ?? null;
    // Whoever was refused looks for the id that the answer told.
    const isQuiet = request.method === "GET" && reply.statusCode < 400;
    const untold = keyId === null && !isQuiet ? strangers.take(deps.clock.monotonic()) : 0;
    if (untold === null) return;
    const facts = {
      requestId: request.id,
      method: request.method,
      operation: request.routeOptions.url ?? null,
      status: reply.statusCode,
      keyId,
      ms: Math.round(reply.elapsedTime),
      ...(untold === 0 ? {} : { untold }),
    };
    deps.log[isQuiet ? "debug" : "info"](facts, "answered");
  });
  app.addHook("preClose", async () => closing.abort(new Error("the server stops")));

  addMetricsRoute(app, deps, access.counts, async (request) => {
    const { caller } = await checkAccess(request);
    return actorOf(request, caller, "Metrics");
  });
  addNotImplementedRoutes(app, checkAccess);
  for (const operation of OPERATION_LIST) {
    const needsRegion = operation.path.includes("{ClusterId}");
    app.route({
      method: operation.method,
      exposeHeadRoute: operation.method === "GET",
      url: operation.path.replace(/\{(\w+)\}/g, ":$1"),
      config: { takesLines: operation.body === "lines" },
      onRequest: async (request) => {
        if (operation.isOpen) return;
        const { caller } = await checkAccess(request);
        const { name, isInstallationWide = false } = operation;
        const need = { operation: name, role: roleOf(operation), isInstallationWide };
        noteRefusals(operation, actorOf(request, caller, name), () => refuseUnfit(caller, need));
      },
      handler: async (request, reply) => {
        const path = request.params as Record<string, string>;
        const caller = callers.get(request);
        if (caller !== undefined && request.body === undefined) checkBody(caller.body, "");
        if (needsRegion && path.ClusterId !== deps.region) {
          throw new ServingError("REGION_NOT_FOUND", {
            region: path.ClusterId!.slice(0, 100),
            own: deps.region,
          });
        }
        const gone = new AbortController();
        reply.raw.once("close", () => gone.abort(new Error("the client left")));
        const signal = AbortSignal.any([gone.signal, closing.signal]);
        const { query, body, ignored } = readInput(operation, request);
        const handle = HANDLERS[operation.name] as Handler<typeof operation.name>;
        const actor = caller === undefined ? null : actorOf(request, caller.caller, operation.name);
        const control = actor === null ? deps.control : deps.control.as(actor);
        const answer = await noteRefusals(operation, actor, () =>
          handle({ path, query, body, signal, actor } as never, { ...deps, control }),
        );
        reply.header("x-request-id", request.id);
        if (answer instanceof LineStream) return streamLines(answer, reply, signal);
        if (BARE.has(operation.name)) return answer;
        return { RequestId: request.id, ...withIgnored(answer, ignored) };
      },
    });
  }
  return app;
}

const remoteAddress = (request: FastifyRequest) => request.raw.socket.remoteAddress ?? "";

/** What the path names, as audit entries call it. */
const TARGETS = {
  ServiceName: "service",
  GroupName: "group",
  AccessKeyId: "key",
  ContentId: "content",
  EnvironmentId: "environment",
} as const;
/** What an entry of the audit log names: no name that is taken is as long. */
const TARGET_CHARS_MAX = 200;

function actorOf(request: FastifyRequest, caller: Caller, operation: string): Actor {
  const path = request.params as Readonly<Record<string, string>>;
  const target = Object.entries(TARGETS).find(([name]) => path[name] !== undefined);
  return {
    caller,
    requestId: request.id,
    remoteAddress: remoteAddress(request),
    operation,
    target: target === undefined ? "" : `${target[1]}/${path[target[0]]}`.slice(0, TARGET_CHARS_MAX),
  };
}

/** What a signature covers: headers as they came, several of one name joined. */
function signedParts({ method, raw }: FastifyRequest): SignedParts {
  const headers = new Map<string, string>();
  for (let at = 0; at < raw.rawHeaders.length; at += 2) {
    const name = raw.rawHeaders[at]!.toLowerCase();
    const before = headers.get(name);
    const value = raw.rawHeaders[at + 1]!;
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return {
    method,
    target: raw.url ?? "/",
    header: (name) => headers.get(name),
    headerNames: [...headers.keys()],
  };
}

/** Query and body against the contract, and the names of what was sent and does nothing here. */
function readInput(operation: Operation, request: FastifyRequest) {
  const query = typedQuery(operation.query, request.query as Record<string, unknown>);
  checked(operation.query, query, "?");
  const ignored = notEffectiveNames(operation.query)
    .filter((name) => Object.hasOwn(query, name))
    .map((name) => `?${name}`);
  if (operation.body === null) return { query, body: undefined, ignored };
  if (operation.body === "lines") return { query, body: (request.body as string | undefined) ?? "", ignored };
  const document = parseJson((request.body as string | undefined) ?? "");
  if (operation.body === "service-json") return { query, body: document, ignored };
  const body = checked(operation.body, document, "$") as Record<string, unknown>;
  ignored.push(...notEffectiveNames(operation.body).filter((name) => Object.hasOwn(body, name)));
  return { query, body, ignored };
}

function withIgnored(answer: object, ignored: readonly string[]): object {
  if (ignored.length === 0) return answer;
  const named = (answer as { NotEffective?: readonly string[] }).NotEffective ?? [];
  return { ...answer, NotEffective: [...named, ...ignored] };
}
