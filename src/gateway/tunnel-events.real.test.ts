import { useDataEvents } from "./wire.ts";

// Tunnels once more on the fallback for accepted sockets (see `Wire.adopt`).
useDataEvents();
await import("./tunnel.real.test.ts");
