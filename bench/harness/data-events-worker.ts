/** A gateway worker that reads accepted sockets by `data` events: what the fallback of `Wire.adopt` costs. */
import { usePublicApi } from "../../src/gateway/node-seams.ts";
import { runGatewayRole } from "../../src/roles/gateway.ts";

usePublicApi();
await runGatewayRole(process.argv.slice(2));
