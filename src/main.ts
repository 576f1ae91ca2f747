/**
 * Where every process of Sluice begins. Picks the role and loads only that one: `--help` loads no database, a gateway no
 * API server. `gateway` and `engine` are started by Sluice itself; all else is the CLI's, `serve`, `test` and `demo` among it.
 */
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
