/** A gateway worker that reads accepted sockets by `data` events: what the fallback of `Wire.adopt` costs. */
import { useDataEvents } from "../../src/gateway/wire.ts";
import { runGatewayRole } from "../../src/roles/gateway.ts";

useDataEvents();
await runGatewayRole(process.argv.slice(2));
