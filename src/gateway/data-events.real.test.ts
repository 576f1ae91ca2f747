import { useDataEvents } from "./wire.ts";

// Everything that streams, once more on the fallback for accepted sockets (see `Wire.adopt`).
useDataEvents();
await import("./streaming.real.test.ts");
