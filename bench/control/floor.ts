import { fork } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Client, type Cost } from "./calls.ts";
import { freePort } from "./control-child.ts";
import { costRow, type Found, type Stand } from "./stand.ts";
import { documentOf } from "./world.ts";

/** The same page and the same create by a bare server over a copy of the database; side by side with ours. */
export async function floor(stand: Stand): Promise<Found> {
  const file = join(stand.options.home, "floor.db");
  const source = join(stand.options.home, "data", "sluice.db");
  for (const end of ["", "-wal"]) copyFileSync(`${source}${end}`, `${file}${end}`);
  const port = await freePort();
  const child = fork(join(import.meta.dirname, "floor-process.ts"), [file, String(port)]);
  const bare = new Client(port, "");
  try {
    await once(child, "message");
    const sides = [
      {
        who: "bare Fastify and SQLite",
        client: bare,
        pid: child.pid!,
        list: "/services?PageSize=100",
        create: "/services",
      },
      {
        who: "Sluice",
        client: stand.client,
        pid: stand.child.pid,
        list: "/api/v2/services?PageSize=100",
        create: null,
      },
    ];
    const costs: Cost[] = [];
    for (const clients of [1, 8]) {
      for (const { who, client, pid, list } of sides)
        costs.push(
          await client.measure(`a page of services: ${who}`, {
            clients,
            count: stand.calls,
            pid,
            call: () => ({ method: "GET", path: list }),
          }),
        );
    }
    costs.push(
      await bare.measure("create: bare Fastify and SQLite", {
        clients: 1,
        count: stand.calls,
        pid: child.pid!,
        call: (i) => ({
          method: "POST",
          path: "/services",
          body: { ...documentOf(0, { count: 2, group: null, version: 1 }), name: `bare_${i}` },
        }),
      }),
    );
    const ratio = (clients: number) => {
      const [peer, own] = costs.filter((c) => c.clients === clients && c.name.startsWith("a page"));
      return `${(own!.cpuMsEach / peer!.cpuMsEach).toFixed(2)}× the CPU, ${(own!.p99Ms / peer!.p99Ms).toFixed(2)}× the p99`;
    };
    const rows = [1, 8].map((clients) => ({ clients, "Sluice / bare": ratio(clients) }));
    return {
      tables: [
        { title: "The peer", rows: costs.map(costRow) },
        { title: "A page of services, ratio", rows },
      ],
      bars: [],
      raw: costs,
    };
  } finally {
    bare.close();
    child.disconnect();
    for (const end of ["", "-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
  }
}
