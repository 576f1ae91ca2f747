import { useDataEvents } from "./wire.ts";

// HTTP/2 once more where the connection is taken over from the fallback for accepted sockets (see `Wire.adopt`).
useDataEvents();
await import("./http2.real.test.ts");
