import type { Event } from "../../api/objects.ts";
import { EXIT } from "../cli-io.ts";
import { textOption, type VerbRun } from "../verb.ts";

/** The message in an event's JSON text (eas-reference §6.7), or the text itself when it is none. */
function messageOf(event: Event): string {
  try {
    return String((JSON.parse(event.Message) as { message?: unknown }).message ?? event.Message);
  } catch {
    return event.Message;
  }
}

export const run: VerbRun = async (session, [service], options) => {
  const type = textOption(options, "type") as "Normal" | "Warning" | undefined;
  const instance = textOption(options, "instance");
  const query = {
    ...(type === undefined ? {} : { EventType: type }),
    ...(instance === undefined ? {} : { InstanceName: instance }),
  };
  const answer = await session.client.call("DescribeServiceEvent", {
    path: await session.service(service!),
    query,
  });
  session.show(answer, () =>
    session.list<Event>(
      [
        { header: "TIME", cell: (e) => e.Time },
        { header: "TYPE", cell: (e) => e.Type },
        { header: "REASON", cell: (e) => e.Reason },
        { header: "INSTANCE", cell: (e) => e.InstanceName ?? "" },
        { header: "MESSAGE", cell: messageOf },
      ],
      answer.Events.toReversed(),
    ),
  );
  return EXIT.done;
};
