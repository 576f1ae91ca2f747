import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

type Answer = ResponseOf<"ListEnvironments">;
type Environment = Answer["Environments"][number];
type Build = Answer["Builds"][number];

/** Enough to name one of some thousand; the whole is in `--output json`. */
const ID_CHARS = 12;

export const run: VerbRun = async (session) => {
  const answer = await session.client.call("ListEnvironments", {});
  const bytes = answer.Environments.reduce((sum, e) => sum + e.Bytes, 0);
  session.show(answer, () =>
    session.list<Environment>(
      [
        { header: "ENVIRONMENT", cell: (e) => e.EnvironmentId.slice(0, ID_CHARS) },
        { header: "PYTHON", cell: (e) => `${e.Python} ${e.BasePython}`.trim() },
        { header: "MB", cell: (e) => megabytes(e.Bytes) },
        { header: "LAST USED", cell: (e) => e.LastUsedTime },
        {
          header: "USED BY",
          cell: (e) => e.Referrers.map((r) => `${r.ServiceName} v${r.Version}`).join(", "),
        },
        { header: "PACKAGES", cell: (e) => e.Packages.join(", ") },
      ],
      answer.Environments,
    ),
  );
  for (const { EnvironmentId, Notes } of answer.Environments)
    for (const note of Notes) session.warn(`${EnvironmentId.slice(0, ID_CHARS)}: ${note}`);
  for (const build of answer.Builds) session.warn(buildText(build));
  session.ok(`${megabytes(bytes)} MB of ${megabytes(answer.BytesMax)}`);
  return EXIT.done;
};

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 0);

const buildText = ({ EnvironmentId, Failure, Progress }: Build) =>
  Failure === null
    ? `${EnvironmentId.slice(0, ID_CHARS)} is being made: ${Progress.at(-1) ?? "it begins"}`
    : `${EnvironmentId.slice(0, ID_CHARS)} could not be made: ${Failure}`;
