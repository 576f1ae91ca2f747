import { setTimeout as pause } from "node:timers/promises";
import type { HttpAnswer, Installation } from "../../test/harness/installation.ts";
import { until } from "../../test/harness/until.ts";
import { monotonicMs } from "../load/ledger-entry.ts";
import type { GatewayKill } from "./accounting.ts";
import { killGateway, listening } from "./gateway-kill.ts";
import type { LedgerBook } from "./ledger-book.ts";
import type { Operation } from "./operation-plan.ts";
import { changeTo, type Service } from "./services.ts";
import { marksOf, type Phase, phaseLengths } from "./update-times.ts";

/** Longest wait for an effect. */
const EFFECT_MS_MAX = 120_000;
/** Between two calls of the API while it cannot be reached, or while an effect is waited for. */
const AGAIN_MS = 50;

/** What is asked of the API. */
type Command = Exclude<Operation, { kind: "kill-control" | "kill-gateway" }>;
type Switch = Extract<Operation, { kind: "update" | "rollback" }>;
/** `overtaken`: a later operation on the same service wants something else. */
export type Outcome = "in effect" | "overtaken";

/** How an operation goes on after it began. */
export interface Performance {
  /** The API has taken it, or the signal was sent. */
  readonly accepted: Promise<void>;
  /** Rejects when it is not in effect in time. */
  readonly effect: Promise<Outcome>;
}

/** How long one update took, by phases, in ms. */
export interface UpdateTimes {
  readonly service: Service;
  readonly version: number;
  /** Of CLOCK_MONOTONIC. */
  readonly askedAtMs: number;
  readonly totalMs: number;
  readonly phases: Readonly<Record<Phase, number>>;
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of the API, looked into field by field
type Json = any;

/** Carries operations out on a running Sluice, starts its control process again when it was killed, and waits for what was asked for. */
export class Performer {
  readonly kills: GatewayKill[] = [];
  readonly updates: UpdateTimes[] = [];
  readonly #sluice: Installation;
  readonly #book: LedgerBook;

  constructor(sluice: Installation, book: LedgerBook) {
    this.#sluice = sluice;
    this.#book = book;
  }

  perform(operation: Operation): Performance {
    switch (operation.kind) {
      case "kill-control":
        return this.#killControl(operation.downMs);
      case "kill-gateway":
        return this.#killGateway(operation.nth);
      default: {
        const askedAtMs = Date.now();
        const acceptance = this.#ask(operation);
        const effect = acceptance.then((generation) => this.#effect(operation, generation, askedAtMs));
        effect.catch(() => {}); // whoever plays the operations gets it
        return { accepted: acceptance.then(() => {}), effect };
      }
    }
  }

  /** Gives the generation that it made. */
  async #ask(operation: Command): Promise<number> {
    const { kind, service } = operation;
    switch (kind) {
      case "update":
        return this.#put(service, "", changeTo(service, operation.version));
      case "rollback":
        return this.#put(service, "/version", { Version: operation.version });
      case "scale":
        return this.#put(service, "/scale", { Instance: operation.count });
      case "weigh":
        return this.#put(service, "/release", { Weight: operation.weight });
      default:
        return this.#put(service, `/${kind}`, undefined);
    }
  }

  #describe(service: Service): Promise<Json> {
    return this.#call("GET", `/api/v2/services/local/${service}`);
  }

  async #put(service: Service, path: string, body: unknown): Promise<number> {
    const answer = await this.#call("PUT", `/api/v2/services/local/${service}${path}`, body);
    return answer.Generation;
  }

  /**
   * One call. While the control process is dead it is tried again, as a person would; all operations are so that doing them twice is doing
   * them once.
   */
  async #call(method: string, path: string, body?: unknown): Promise<Json> {
    const giveUpAtMs = monotonicMs() + EFFECT_MS_MAX;
    for (;;) {
      const answer: HttpAnswer | Error = await this.#sluice
        .api(method, path, body)
        .catch((error: Error) => error);
      if (!(answer instanceof Error)) {
        if (answer.status === 200) return JSON.parse(answer.body);
        throw new Error(`${method} ${path} ${JSON.stringify(body)}: ${answer.status} ${answer.body}`);
      }
      if (monotonicMs() > giveUpAtMs) throw answer;
      await pause(AGAIN_MS);
    }
  }

  async #effect(operation: Command, generation: number, askedAtMs: number): Promise<Outcome> {
    const { kind, service } = operation;
    if (kind === "weigh") return this.#weighed(service, operation.weight);
    if (kind === "update" || kind === "rollback") return this.#switched(operation, generation, askedAtMs);
    let last: Json;
    const isSettled = async () => {
      last = await this.#describe(service);
      const isScaled = kind !== "scale" || last.RunningInstance === operation.count;
      return isAs(last, kind === "stop" ? "Stopped" : "Running", generation) && isScaled;
    };
    await this.#until(isSettled, inEffect(operation), () => messageOf(last));
    return "in effect";
  }

  /** Over when all instances are of the version, and one of them has answered; or when something else is wanted by now. */
  async #switched(operation: Switch, generation: number, askedAtMs: number): Promise<Outcome> {
    const { kind, service, version } = operation;
    const acceptedAtMs = Date.now();
    const sinceMs = monotonicMs();
    let last: Json;
    let isNoted = kind === "rollback";
    const isOver = async () => {
      last = await this.#describe(service);
      if (last.CurrentVersion !== version) return true;
      const firstMs = this.#book.firstAnswerMs(service, version);
      if (!isNoted && firstMs !== null) {
        isNoted = true;
        this.#note({ service, version }, { askedAtMs, acceptedAtMs, answeredAtMs: firstMs + wallLeadMs() });
      }
      const hasAnswered =
        kind === "update" ? firstMs !== null : this.#book.hasAnsweredSince(service, version, sinceMs);
      return hasAnswered && isAs(last, "Running", generation);
    };
    await this.#until(isOver, inEffect(operation), () => messageOf(last));
    return last.CurrentVersion === version ? "in effect" : "overtaken";
  }

  /** Weights are in force when every gateway that listens has the newest table. */
  async #weighed(service: Service, weight: number): Promise<Outcome> {
    await this.#until(async () => {
      const { ConfiguredWeight } = await this.#describe(service);
      const { Loops } = await this.#call("GET", "/api/v2/internal/loops");
      const { Gateways } = await this.#call("GET", "/api/v2/internal/gateways");
      const isPublished = Loops.some((l: Json) => l.Name === "route-table" && l.NextDueInMs > 0);
      const tables = new Set(
        Gateways.filter((g: Json) => g.IsListening).map((g: Json) => g.TableNumber as number),
      );
      return isPublished && tables.size === 1 && ConfiguredWeight === (weight === -1 ? null : weight);
    }, `weight ${weight} of ${service} to be in force`);
    return "in effect";
  }

  #note(update: Pick<UpdateTimes, "service" | "version">, known: Parameters<typeof marksOf>[2]): void {
    const marks = marksOf(this.#sluice.home, update, known);
    if (marks === null) return; // it has been replaced already
    const { askedAtMs, answeredAtMs } = known;
    this.updates.push({
      ...update,
      askedAtMs: askedAtMs - wallLeadMs(),
      totalMs: answeredAtMs - askedAtMs,
      phases: phaseLengths(askedAtMs, marks),
    });
  }

  #killControl(downMs: number): Performance {
    const killed = this.#sluice.killControl();
    const restarted = killed.then(async () => {
      await pause(downMs);
      await this.#sluice.startControl();
      await this.#untilTwoGateways();
      return "in effect" as const;
    });
    restarted.catch(() => {}); // as above
    return { accepted: killed, effect: restarted };
  }

  #killGateway(nth: number): Performance {
    const killed = killGateway(this.#sluice, nth).then((kill) => {
      this.kills.push(kill);
    });
    const effect = killed.then(async () => {
      await this.#untilTwoGateways();
      return "in effect" as const;
    });
    effect.catch(() => {}); // as above
    return { accepted: killed, effect };
  }

  async #untilTwoGateways(): Promise<void> {
    const port = Number(new URL(this.#sluice.clientConfig().gateway).port);
    await this.#until(async () => listening(this.#sluice, port).length >= 2, "two gateways to listen");
  }

  async #until(isSo: () => Promise<boolean>, what: string, detail?: () => string): Promise<void> {
    // `until` looks every 20 ms; the API is not asked that often.
    const isSoNow = async () => {
      if (await isSo()) return true;
      await pause(AGAIN_MS);
      return false;
    };
    await until(isSoNow, what, EFFECT_MS_MAX, detail);
  }
}

const isAs = (service: Json, status: string, generation: number): boolean =>
  service.Status === status && service.ObservedGeneration >= generation;
const messageOf = (service: Json) => `${service?.Status}: ${service?.Message}`;
const inEffect = (operation: Operation) => `${JSON.stringify(operation)} to be in effect`;
/** By how much the wall clock is ahead of CLOCK_MONOTONIC now. */
const wallLeadMs = () => Date.now() - monotonicMs();
