/**
 * The peer: what one would write with the same libraries and nothing else. A bare Fastify on the same database: a page of services is read,
 * parsed and sent as JSON; one is created by a durable insert. It checks no key and no input, and keeps nothing alive.
 */
import { DatabaseSync } from "node:sqlite";
import fastify from "fastify";

const [file, port] = process.argv.slice(2) as [string, string];
const database = new DatabaseSync(file);
database.exec("PRAGMA journal_mode = WAL");
database.exec("PRAGMA synchronous = FULL");
database.exec("CREATE TABLE IF NOT EXISTS floor (name TEXT PRIMARY KEY, record TEXT NOT NULL)");
const page = database.prepare(
  `SELECT s.record, t.record AS status FROM service s LEFT JOIN service_status t ON t.service = s.name
   ORDER BY s.name LIMIT ? OFFSET ?`,
);
const total = database.prepare("SELECT count(*) AS count FROM service");
const insert = database.prepare("INSERT OR REPLACE INTO floor (name, record) VALUES (?, ?)");
const app = fastify();
app.get("/services", (request) => {
  const { PageSize = "100", PageNumber = "1" } = request.query as Record<string, string>;
  const rows = page.all(Number(PageSize), (Number(PageNumber) - 1) * Number(PageSize));
  const services = rows.map(({ record, status }) => {
    const { instances = [], ...facts } = JSON.parse((status ?? "{}") as string) as {
      instances?: { isReady: boolean }[];
    };
    return {
      ...(JSON.parse(record as string) as object),
      ...facts,
      running: instances.filter((i) => i.isReady).length,
    };
  });
  return { ...total.get(), services };
});
app.post("/services", (request) => {
  const { name } = request.body as { name: string };
  insert.run(name, JSON.stringify(request.body));
  return { name };
});
await app.listen({ host: "127.0.0.1", port: Number(port) });
process.on("disconnect", () => process.exit());
process.send!({ type: "listening" });
