import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import { listTable } from "../table.ts";
import type { VerbRun } from "../verb.ts";

type Gateway = ResponseOf<"ListGatewayWorkers">["Gateways"][number];

export const run: VerbRun = async (session) => {
  const answer = await session.client.call("ListGatewayWorkers", {});
  session.show(answer, () =>
    listTable<Gateway>(
      [
        { header: "GATEWAY", cell: (g) => g.GatewayId },
        { header: "PID", cell: (g) => String(g.Pid ?? "") },
        { header: "LISTENING", cell: (g) => (g.IsListening ? "yes" : "no") },
        { header: "TABLE", cell: (g) => String(g.TableNumber) },
        { header: "CONNECTIONS", cell: (g) => String(g.Connections) },
        { header: "REFUSED TABLE", cell: (g) => String(g.RefusedTableNumber ?? "") },
      ],
      answer.Gateways,
    ),
  );
  for (const g of answer.Gateways)
    if (g.Refusal !== null)
      session.warn(`${g.GatewayId} refused table ${g.RefusedTableNumber}: ${g.Refusal}`);
  return EXIT.done;
};
