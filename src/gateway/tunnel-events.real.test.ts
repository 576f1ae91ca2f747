import { usePublicApi } from "./node-seams.ts";

// Tunnels once more on the fallback for accepted sockets (see `Wire.adopt`).
usePublicApi();
await import("./tunnel.real.test.ts");
