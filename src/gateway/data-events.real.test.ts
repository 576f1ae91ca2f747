import { usePublicApi } from "./node-seams.ts";

// Everything that streams, once more on the fallback for accepted sockets (see `Wire.adopt`).
usePublicApi();
await import("./streaming.real.test.ts");
