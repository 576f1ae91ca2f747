import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

type Gateway = ResponseOf<"ListGatewayWorkers">["Gateways"][number];

/** `2027-01-31`. */
const DATE_CHARS = 10;

/** Only where there is TLS. */
const TLS_COLUMNS = [
  { header: "TLS PORT", cell: (g: Gateway) => String(g.Tls?.Port ?? "") },
  { header: "CERTIFICATE", cell: (g: Gateway) => g.Tls?.Subject ?? "" },
  { header: "UNTIL", cell: (g: Gateway) => g.Tls?.NotAfter?.slice(0, DATE_CHARS) ?? "" },
  { header: "SHA-256", cell: (g: Gateway) => g.Tls?.Fingerprint?.slice(0, FINGERPRINT_CHARS) ?? "" },
];
/** Enough to tell two certificates of one owner apart. */
const FINGERPRINT_CHARS = 11;

export const run: VerbRun = async (session) => {
  const answer = await session.client.call("ListGatewayWorkers", {});
  session.show(answer, () =>
    session.list<Gateway>(
      [
        { header: "GATEWAY", cell: (g) => g.GatewayId },
        { header: "PID", cell: (g) => String(g.Pid ?? "") },
        { header: "LISTENING", cell: (g) => (g.IsListening ? "yes" : "no") },
        { header: "TABLE", cell: (g) => String(g.TableNumber) },
        { header: "CONNECTIONS", cell: (g) => String(g.Connections) },
        { header: "REFUSED TABLE", cell: (g) => String(g.RefusedTableNumber ?? "") },
        ...(answer.Gateways.some((g) => g.Tls !== null) ? TLS_COLUMNS : []),
      ],
      answer.Gateways,
    ),
  );
  for (const g of answer.Gateways)
    if (g.Refusal !== null)
      session.warn(`${g.GatewayId} refused table ${g.RefusedTableNumber}: ${g.Refusal}`);
  for (const g of answer.Gateways) {
    const warnings = [...(g.Tls?.Warnings ?? [])];
    if (g.Tls?.Problem) warnings.unshift(`the certificate's files cannot be used: ${g.Tls.Problem}`);
    for (const warning of warnings) session.warn(`${g.GatewayId}: ${warning}`);
  }
  return EXIT.done;
};
