import { overTls } from "../../test/harness/over-tls.ts";

// The whole suite, once more with clients that speak TLS.
overTls();
await import("./failures.real.test.ts");
