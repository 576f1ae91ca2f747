import { join } from "node:path";

/** Where tools/setup-test makes the Python environments of ready-made processors, once for all tests. */
export const TEST_ENVIRONMENTS =
  process.env.SLUICE_TEST_ENVIRONMENTS ?? join(import.meta.dirname, "..", "..", ".toolchain", "environments");
