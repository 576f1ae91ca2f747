import { join } from "node:path";
import { ROOT } from "./installation.ts";

/** A service.json around one of test/fixtures; more fields of metadata as given. */
export function fixtureSpec(
  name: string,
  fixture: string,
  metadata: Record<string, unknown> = {},
  rest: Record<string, unknown> = {},
) {
  return {
    name,
    processor_type: "python",
    processor_path: join(ROOT, "test", "fixtures"),
    processor_entry: `${fixture}.py`,
    ...rest,
    metadata: { instance: 1, cpu: 1, memory: 256, ...metadata },
  };
}
