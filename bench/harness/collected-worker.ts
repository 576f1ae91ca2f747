/** A gateway worker that collects its garbage on SIGUSR2: what its memory is made of when nothing is left to collect. */
import { runGatewayRole } from "../../src/roles/gateway.ts";

process.on("SIGUSR2", () => {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
});
await runGatewayRole(process.argv.slice(2));
