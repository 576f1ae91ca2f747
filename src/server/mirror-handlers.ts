import type { Input } from "../api/operations.ts";
import type { OperationName } from "../api/paths.ts";
import type { MirrorRequest } from "../core/change/mirror.ts";
import { ServingError } from "../core/errors.ts";
import type { ServiceName } from "../core/names.ts";
import type { ServiceRecord } from "../core/service.ts";
import type { AnswerShown, CompareRule, MirrorRule } from "../core/traffic/mirror.ts";
import type { ServerDeps } from "./deps.ts";
import { type Handler, serviceIn, serviceName } from "./handler.ts";
import { mirrorCountsView } from "./mirror-view.ts";
import { rfc3339 } from "./time.ts";

type Mirror = Extract<OperationName, `${string}ServiceMirror${string}`>;
type Body = Input<"UpdateServiceMirror">["body"];

/** Operations on the mirror of one service. */
export const MIRROR_HANDLERS: { readonly [N in Mirror]: Handler<N> } = {
  async CreateServiceMirror({ path, body }, deps) {
    const record = await deps.control.createMirror(requestOf(serviceName(path.ServiceName), body));
    return accepted(record, deps, "ON", ratioOf(record));
  },
  async UpdateServiceMirror({ path, body }, deps) {
    const record = await deps.control.updateMirror(requestOf(serviceName(path.ServiceName), body));
    return accepted(record, deps, "updating", ratioOf(record));
  },
  async DeleteServiceMirror({ path }, deps) {
    return accepted(await deps.control.deleteMirror(serviceName(path.ServiceName)), deps, "OFF", "");
  },
  async DescribeServiceMirror({ path }, deps) {
    const record = serviceIn(await deps.control.read(), path.ServiceName);
    const mirror = mirrorOf(record);
    return {
      ServiceName: record.name,
      // Texts, as EAS has them (eas-reference §6.5).
      Ratio: String(mirror.ratio),
      Target: mirror.targets.join(","),
      ...(mirror.compare === null ? {} : { Compare: compareView(mirror.compare) }),
      Counts: deps.control.mirrorCounts(record.name).map(mirrorCountsView),
    };
  },
  async ListServiceMirrorDifferences({ path }, deps) {
    const record = serviceIn(await deps.control.read(), path.ServiceName);
    mirrorOf(record);
    const Differences = deps.control.mirrorDifferences(record.name).map((d) => ({
      Time: rfc3339(d.atMs),
      Target: d.target,
      RequestId: d.requestId,
      Text: d.text,
      Primary: answerView(d.primary),
      Copy: answerView(d.copy),
    }));
    return { Differences };
  },
};

/** As EAS words it (eas-reference §6.5). */
const accepted = (record: ServiceRecord, { region }: ServerDeps, what: string, ratio: string) => ({
  Message: `Traffic mirroring is ${what} for service [${record.name}] in region [${region}]${ratio}`,
  Generation: record.generation,
});

const ratioOf = (record: ServiceRecord) => `, ratio [${mirrorOf(record).ratio}%]`;

/** @throws ServingError MIRROR_NOT_FOUND */
function mirrorOf(record: ServiceRecord): MirrorRule {
  if (!record.mirror) throw new ServingError("MIRROR_NOT_FOUND", { service: record.name });
  return record.mirror;
}

function requestOf(name: ServiceName, body: Body): MirrorRequest {
  const { Ratio, Target, Compare } = body;
  return {
    name,
    ...(Ratio === undefined ? {} : { ratio: Ratio }),
    ...(Target === undefined ? {} : { targets: Target as ServiceName[] }),
    ...(Compare === undefined ? {} : { compare: compareOf(Compare) }),
  };
}

function compareOf(compare: NonNullable<Body["Compare"]>): CompareRule | null {
  if (compare.Mode === "off") return null;
  return {
    mode: compare.Mode,
    tolerance: compare.Tolerance ?? 0,
    ignorePaths: compare.IgnorePaths ?? [],
    sampleCount: compare.Samples ?? 0,
  };
}

const compareView = (compare: CompareRule) => ({
  Mode: compare.mode,
  Tolerance: compare.tolerance,
  IgnorePaths: [...compare.ignorePaths],
  Samples: compare.sampleCount,
});

const answerView = (answer: AnswerShown) => ({
  Status: answer.status,
  Body: answer.body,
  IsCut: answer.isCut,
});
