/**
 * Where every process of Sluice begins. Picks the role and loads only that one: `--help` loads no database, a gateway no
 * API server. `gateway` and `engine` are started by Sluice itself; all else is the CLI's, `serve` and `demo` among it.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";

// Compiled sources are kept beside the toolchain: a process starts in half the time. A folder that cannot be written is no harm.
enableCompileCache(join(import.meta.dirname, "..", ".toolchain", "compile-cache"));

const [role, ...args] = process.argv.slice(2);
switch (role) {
  case "gateway":
    await (await import("./roles/gateway.ts")).runGatewayRole(args);
    break;
  case "engine":
    await (await import("./roles/engine.ts")).runEngineRole(args);
    break;
  default:
    await (await import("./roles/cli.ts")).runCliRole(process.argv.slice(2));
}
