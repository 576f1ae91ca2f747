/**
 * Discovery for clients that call instances themselves (eas-reference §6.9): which there are of a service or a group, and how to weigh them.
 * Told from the table in force, so it goes on without a control process, and what is not served is not told: an instance that drains, is isolated
 * or not ready is in no table, and a standalone member has no part in its group.
 *
 * Whoever asks need not show a token, as clients do not. So the answer has nothing that they could not find out, or could not use: an instance that
 * listens on the loopback is told to programs on this machine. To others, and for what checks no tokens itself, the gateway stands in: as the only
 * entry, at the address where it was asked.
 */
import type { ServiceName } from "../core/names.ts";
import { type DirectMember, directWeights } from "../core/traffic/direct-weights.ts";
import { DIRECT_HOST, type GroupRoute, type InstanceRoute } from "../core/traffic/route-table.ts";
import { FIELD, isFolded } from "../http1/field-names.ts";
import { FIELD_STRIDE, METHOD, type MessageHead } from "../http1/message-head.ts";
import { findField } from "../http1/request-head.ts";
import type { RouteIndex } from "./route-index.ts";
import type { ServiceEntry } from "./service-entry.ts";

/** The older path, and the one of Python's SDK from 0.34 on. */
const PREFIXES = [
  "/exported/apis/eas.alibaba-inc.k8s.io/v1/upstreams/",
  "/api/v1/servicediscovery/upstreams/",
].map((prefix) => Buffer.from(prefix, "latin1"));
const SLASH = 0x2f;
const QUERY = 0x3f;
/** What each instance of a service by itself weighs; the examples of EAS have it. */
const OWN_WEIGHT = 100;
/** Answers kept until the next table: those that many clients ask for. */
const KEPT_MAX = 1024;
const FORWARDED = Uint8Array.from("forwarded", (c) => c.charCodeAt(0));
/** A host name, an IPv4 address, or an IPv6 address in brackets, and perhaps a port (RFC 3986 §3.2.2). */
const HOST = /^([0-9a-z._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/i;

/** What is told of the table in force. */
export interface DiscoveredRoutes {
  /** Changes with every table. */
  readonly number: number;
  readonly index: RouteIndex;
  readonly serviceRoutes: ReadonlyMap<ServiceName, ServiceEntry>;
  readonly groupRoutes: ReadonlyMap<string, GroupRoute>;
}

/** Who asks. */
export interface Asker {
  /** As text in latin1. */
  readonly clientAddress: Buffer;
  readonly isEncrypted: boolean;
}

interface Item {
  readonly app: string;
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
}

export class Discovery {
  readonly #routes: DiscoveredRoutes;
  #number = -1;
  /** By name and by who may call instances; null: the gateway stands in. */
  #kept = new Map<string, string | null>();

  constructor(routes: DiscoveredRoutes) {
    this.#routes = routes;
  }

  /** The JSON that the request of `head` in `buf` is answered with; null: it asks for something else, or for what is not there. */
  answer(head: MessageHead, buf: Buffer, asker: Asker): string | null {
    if (head.method !== METHOD.GET && head.method !== METHOD.HEAD) return null;
    const name = nameIn(head, buf);
    if (name === null) return null;
    const route = this.#routes.index.get(name);
    if (route === null) return null;
    const isHere = isLoopback(asker.clientAddress.toString("latin1")) && !isForwarded(head, buf);
    const listed = this.#keep(`${isHere} ${name}`, () =>
      route.group === null
        ? this.#ofService(route.service!.name, isHere)
        : this.#ofGroup(route.group.name, isHere),
    );
    return listed ?? this.#standIn(name, route.group?.name ?? null, head, buf, asker);
  }

  #keep(key: string, make: () => string | null): string | null {
    if (this.#number !== this.#routes.number || this.#kept.size >= KEPT_MAX) {
      this.#number = this.#routes.number;
      this.#kept = new Map();
    }
    let text = this.#kept.get(key);
    if (text === undefined) {
      text = make();
      this.#kept.set(key, text);
    }
    return text;
  }

  #ofService(name: ServiceName, isHere: boolean): string | null {
    const instances = this.#callable(name, isHere);
    if (instances === null) return null;
    return textOf(
      [name],
      instances.map((instance) => itemOf(name, instance, OWN_WEIGHT)),
    );
  }

  #ofGroup(name: string, isHere: boolean): string | null {
    const names: string[] = [];
    const members: (DirectMember & {
      readonly service: ServiceName;
      readonly instances: readonly InstanceRoute[];
    })[] = [];
    for (const { service, weight } of this.#routes.groupRoutes.get(name)?.members ?? []) {
      const instances = this.#callable(service, isHere);
      // Some of the traffic through the gateway, and some not, could not be told in weights: it would share its part again.
      if (instances === null) return null;
      names.push(service);
      if (instances.length > 0) members.push({ service, instances, weight, count: instances.length });
    }
    const weights = directWeights(members);
    const items = members.flatMap(({ service, instances }, m) =>
      instances.map((instance, i) => itemOf(service, instance, weights[m]![i]!)),
    );
    return textOf(names, items);
  }

  /** Its instances; null when one of them cannot be called by whoever asks. */
  #callable(name: ServiceName, isHere: boolean): readonly InstanceRoute[] | null {
    const instances = this.#routes.serviceRoutes.get(name)?.instances.routes ?? [];
    const isCallable = ({ directPort, directHost = DIRECT_HOST }: InstanceRoute) =>
      directPort !== undefined && (isHere || !isLoopback(directHost));
    return instances.every(isCallable) ? instances : null;
  }

  #standIn(name: string, group: string | null, head: MessageHead, buf: Buffer, asker: Asker): string | null {
    const place = askedAt(head, buf, asker.isEncrypted);
    if (place === null) return null;
    const members = this.#routes.groupRoutes.get(group ?? "")?.members.map((m) => m.service);
    const own = this.#routes.index.get(name)!.service?.name ?? name;
    return textOf(members ?? [own], [{ app: own, ...place, weight: OWN_WEIGHT }]);
  }
}

const textOf = (correlative: readonly string[], items: readonly Item[]) =>
  JSON.stringify({ correlative, endpoints: { items } });

const itemOf = (
  app: string,
  { directPort, directHost = DIRECT_HOST }: InstanceRoute,
  weight: number,
): Item => ({
  app,
  ip: directHost,
  port: directPort!,
  weight,
});

/** The name behind either prefix; null: it is another path. */
function nameIn(head: MessageHead, buf: Buffer): string | null {
  for (const prefix of PREFIXES) {
    const from = head.pathFrom + prefix.length;
    if (from >= head.targetTo || prefix.compare(buf, head.pathFrom, from) !== 0) continue;
    let to = from;
    while (to < head.targetTo && buf[to] !== QUERY) if (buf[to++] === SLASH) return null;
    return buf.toString("latin1", from, to);
  }
  return null;
}

const isLoopback = (address: string) => address.startsWith("127.") || address === "::1";

/** It came through a proxy, so nobody knows where from. */
function isForwarded(head: MessageHead, buf: Buffer): boolean {
  for (const field of [FIELD.X_FORWARDED_FOR, FIELD.X_FORWARDED_HOST, FIELD.X_FORWARDED_PROTO])
    if (findField(head, field) !== -1) return true;
  for (let slot = 0; slot < head.fieldCount * FIELD_STRIDE; slot += FIELD_STRIDE) {
    const [from, to] = [head.fields[slot]!, head.fields[slot + 1]!];
    if (to - from === FORWARDED.length && isFolded(buf, from, FORWARDED)) return true;
  }
  return false;
}

/** Where the client reached this gateway, by its own words: a proxy in between has another address. */
function askedAt(head: MessageHead, buf: Buffer, isEncrypted: boolean): { ip: string; port: number } | null {
  if (head.hostAt === -1) return null;
  const slot = head.hostAt * FIELD_STRIDE;
  const host = HOST.exec(buf.toString("latin1", head.fields[slot + 2]!, head.fields[slot + 3]!));
  if (host === null) return null;
  const port = host[2] === undefined ? (isEncrypted ? 443 : 80) : Number(host[2]);
  return port > 0 && port < 65_536 ? { ip: host[1]!, port } : null;
}
