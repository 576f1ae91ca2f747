import type { ResponseOf } from "../api/operations.ts";
import { EXIT, type ExitCode } from "./cli-io.ts";
import type { Session } from "./session.ts";
import { type ServicePath, type waitOptions, waitUntilRunning } from "./wait.ts";

/** What `create` and `clone` end with: addresses and token of the new service, and what happens until it runs. */
export async function showCreated(
  session: Session,
  path: ServicePath,
  answer: ResponseOf<"CreateService"> | ResponseOf<"CloneService">,
  wait: ReturnType<typeof waitOptions>,
): Promise<ExitCode> {
  const { AccessToken } = session.isJson
    ? { AccessToken: "" }
    : await session.client.call("DescribeService", { path });
  session.show(answer, () =>
    session.keys([
      ["Internet Endpoint", answer.InternetEndpoint],
      ["Intranet Endpoint", answer.IntranetEndpoint],
      ["Token", AccessToken],
    ]),
  );
  session.warnOf(answer);
  session.ok("Service is now creating");
  return wait ? waitUntilRunning(session, path, { ...wait, generation: answer.Generation }) : EXIT.done;
}
