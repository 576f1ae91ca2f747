import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { Address } from "../../src/core/traffic/route-table.ts";
import { ROOT } from "./installation.ts";

/** The message of every method of test/fixtures/grpc/model.proto. */
export interface Row {
  readonly data: Buffer;
  readonly number: string;
  readonly text: string;
}

const definition = loadSync(join(ROOT, "test", "fixtures", "grpc", "model.proto"), {
  defaults: true,
  longs: String,
});
// biome-ignore lint/suspicious/noExplicitAny: proto-loader makes the class at run time
const { Model } = (grpc.loadPackageDefinition(definition) as any).sluice.test;

type Call = grpc.ServerUnaryCall<Row, Row>;
type Reply = grpc.sendUnaryData<Row>;

/** What a server saw and does; a test changes it. */
export class GrpcModel {
  readonly server: grpc.Server;
  /** Metadata of the calls so far. */
  readonly seen: grpc.Metadata[] = [];
  /** Paths of the calls so far. */
  readonly paths: string[] = [];
  /** Calls that are open now. */
  open = 0;
  /** Calls that their client, the gateway, gave up. */
  cancelled = 0;
  /** Messages of `Watch` that were handed to gRPC so far. */
  watched = 0;
  readonly name: string;
  #port = 0;

  constructor(name = "model", options: grpc.ServerOptions = {}) {
    this.name = name;
    this.server = new grpc.Server({ "grpc.max_receive_message_length": -1, ...options });
    this.server.addService(Model.service, {
      Predict: (call: Call, reply: Reply) => this.#predict(call, reply),
      Watch: (call: grpc.ServerWritableStream<Row, Row>) => this.#watch(call),
      Sum: (call: grpc.ServerReadableStream<Row, Row>, reply: Reply) => this.#sum(call, reply),
      Chat: (call: grpc.ServerDuplexStream<Row, Row>) => this.#chat(call),
    });
  }

  /** Listens on a free port, or on `port`. */
  async listen(port = 0): Promise<Address> {
    const credentials = grpc.ServerCredentials.createInsecure();
    this.#port = await new Promise<number>((resolve, reject) =>
      this.server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    return { kind: "tcp", host: "127.0.0.1", port: this.#port };
  }

  get port(): number {
    return this.#port;
  }

  close(): void {
    this.server.forceShutdown();
  }

  #begin(call: { metadata: grpc.Metadata; on(event: "cancelled", then: () => void): unknown }): void {
    this.seen.push(call.metadata);
    this.open++;
    call.on("cancelled", () => {
      this.cancelled++;
      this.open--;
    });
  }

  /** Answers with what it got, by the word in `text`: `fail`: status and details; `hang`: never; `headers`: metadata back. */
  #predict(call: Call, reply: Reply): void {
    this.#begin(call);
    this.paths.push(call.getPath());
    const { text } = call.request;
    if (text === "hang") return;
    this.open--;
    const trailer = new grpc.Metadata();
    trailer.set("x-trailer", "t1");
    trailer.add("x-trailer", "t2");
    trailer.set("x-trailer-bin", Buffer.from([0, 255, 10, 13]));
    if (text === "fail") {
      trailer.set("grpc-status-details-bin", Buffer.from("details"));
      reply({
        code: grpc.status.FAILED_PRECONDITION,
        details: "größer than it may be: 100%",
        metadata: trailer,
      });
      return;
    }
    const initial = new grpc.Metadata();
    initial.set("x-model", this.name);
    for (const value of call.metadata.get("x-echo")) initial.add("x-echo", value);
    for (const value of call.metadata.get("x-echo-bin")) initial.add("x-echo-bin", value);
    for (const value of call.metadata.get("x-sluice-queue-us")) initial.add("x-sluice-queue-us", value);
    call.sendMetadata(initial);
    reply(null, { ...call.request, text: `${this.name}: ${text}` }, trailer);
  }

  /** Sends `number` messages of the size of `data`, as they are taken. */
  #watch(call: grpc.ServerWritableStream<Row, Row>): void {
    this.#begin(call);
    const { data, number, text } = call.request;
    if (text === "hang") {
      call.write({ data, number: "0", text });
      return;
    }
    let sent = 0;
    const more = () => {
      while (sent < Number(number)) {
        if (call.cancelled) return;
        sent++;
        this.watched++;
        if (!call.write({ data, number: String(sent), text })) {
          call.once("drain", more);
          return;
        }
      }
      this.open--;
      call.end();
    };
    more();
  }

  #sum(call: grpc.ServerReadableStream<Row, Row>, reply: Reply): void {
    this.#begin(call);
    let bytes = 0;
    let count = 0;
    call.on("data", (row: Row) => {
      bytes += row.data.length;
      count++;
    });
    call.on("end", () => {
      this.open--;
      reply(null, { data: Buffer.alloc(0), number: String(bytes), text: `${count} rows` });
    });
  }

  #chat(call: grpc.ServerDuplexStream<Row, Row>): void {
    this.#begin(call);
    call.on("data", (row: Row) => {
      if (row.text === "die") call.emit("error", { code: grpc.status.DATA_LOSS, details: "as asked" });
      else call.write({ ...row, text: `re: ${row.text}` });
    });
    call.on("end", () => {
      this.open--;
      call.end();
    });
  }
}

/** Where a client calls, and with what. */
export interface GrpcTarget {
  readonly port: number;
  /** Stands for the host name by which the service is chosen. */
  readonly authority?: string;
  readonly token?: string;
  /** In front of each method's path. */
  readonly prefix?: string;
}

/** What became of a call. */
export interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly row: Row | null;
  /** Metadata before the first message, and behind the last. */
  readonly initial: grpc.Metadata | null;
  readonly trailers: grpc.Metadata;
}

const big = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/** A real gRPC client, with the calls of the model as promises. */
export class GrpcCaller {
  // biome-ignore lint/suspicious/noExplicitAny: proto-loader makes the class at run time
  readonly client: any;
  readonly #target: GrpcTarget;

  constructor(target: GrpcTarget) {
    this.#target = target;
    const authority = target.authority === undefined ? {} : { "grpc.default_authority": target.authority };
    const prefix = target.prefix ?? "";
    const methods = Object.entries(Model.service as Record<string, grpc.MethodDefinition<Row, Row>>);
    const service = Object.fromEntries(methods.map(([name, m]) => [name, { ...m, path: prefix + m.path }]));
    const Client = grpc.makeGenericClientConstructor(service, "Model");
    this.client = new Client(`127.0.0.1:${target.port}`, grpc.credentials.createInsecure(), {
      ...big,
      ...authority,
      // Its own connection, and no second try behind our back.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_retries": 0,
    });
  }

  /** The metadata of a call: the token, and more. */
  metadata(more: Readonly<Record<string, string | Buffer>> = {}): grpc.Metadata {
    const metadata = new grpc.Metadata();
    if (this.#target.token !== undefined) metadata.set("authorization", this.#target.token);
    for (const [name, value] of Object.entries(more)) metadata.add(name, value);
    return metadata;
  }

  predict(
    row: Partial<Row>,
    options: grpc.CallOptions = {},
    metadata = this.metadata(),
    begun: (call: grpc.ClientUnaryCall) => void = () => {},
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      let initial: grpc.Metadata | null = null;
      let answered: { error: grpc.ServiceError | null; row: Row | null };
      const call = this.client.Predict(
        row,
        metadata,
        options,
        (error: grpc.ServiceError | null, got?: Row) => {
          answered = { error, row: got ?? null };
        },
      );
      call.on("metadata", (m: grpc.Metadata) => {
        initial = m;
      });
      call.on("status", (status: grpc.StatusObject) =>
        // The callback comes in the same turn, before or after.
        setImmediate(() => {
          resolve({ ...outcomeOf(status), row: answered.row, initial });
        }),
      );
      begun(call);
    });
  }

  close(): void {
    this.client.close();
  }
}

/** The status of a call of any kind, once it is there. */
export function statusOf(call: { on(event: "status", then: (s: grpc.StatusObject) => void): unknown }) {
  return new Promise<Outcome>((resolve) => {
    call.on("status", (status) => resolve({ ...outcomeOf(status), row: null, initial: null }));
  });
}

function outcomeOf({ code, details, metadata }: grpc.StatusObject) {
  return { code, details, trailers: metadata };
}
