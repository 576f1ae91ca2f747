import { usePublicApi } from "./node-seams.ts";

// Wires once more with nothing but the public API, as they are where a Node differs.
usePublicApi();
await import("./wire.real.test.ts");
