import { usePublicApi } from "./node-seams.ts";

// HTTP/2 once more where the connection is taken over from the fallback for accepted sockets (see `Wire.adopt`).
usePublicApi();
await import("./http2.real.test.ts");
