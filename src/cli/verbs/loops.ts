import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

type Loop = ResponseOf<"ListLoops">["Loops"][number];

const MS_PER_S = 1000;

export const run: VerbRun = async (session) => {
  const answer = await session.client.call("ListLoops", {});
  session.show(answer, () =>
    session.list<Loop>(
      [
        { header: "LOOP", cell: (l) => l.Name },
        { header: "PURPOSE", cell: (l) => l.Purpose },
        { header: "LAST RUN", cell: (l) => l.LastRunTime ?? "" },
        { header: "CAUSE", cell: (l) => l.LastCause ?? "" },
        { header: "RESULT", cell: (l) => l.LastResult ?? "" },
        { header: "NEXT IN", cell: nextText },
      ],
      answer.Loops,
    ),
  );
  return EXIT.done;
};

const nextText = ({ NextDueInMs }: Loop) =>
  NextDueInMs === null ? "runs now" : `${(NextDueInMs / MS_PER_S).toFixed(1)} s`;
