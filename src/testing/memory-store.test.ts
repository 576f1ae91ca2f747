import { MemoryStore } from "./memory-store.ts";
import { testStoreConformance } from "./store-conformance.ts";

testStoreConformance("MemoryStore", async () => new MemoryStore());
