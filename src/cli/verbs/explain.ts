import type { ResponseOf } from "../../api/operations.ts";
import { EXIT } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

type Diagnosis = ResponseOf<"DescribeServiceInstanceDiagnosis">["Diagnosis"];

const MARKS = { trouble: "[!]", waiting: "[~]", info: "[i]" } as const;

/** Sentences, one finding after the other, the most pressing first. */
export const run: VerbRun = async (session, [service, instance]) => {
  const path = await session.service(service!);
  if (instance !== undefined) {
    const call = { path: { ...path, InstanceName: instance } };
    const answer = await session.client.call("DescribeServiceInstanceDiagnosis", call);
    session.show(answer, () => paragraph(answer.Diagnosis));
    return EXIT.done;
  }
  const answer = await session.client.call("DescribeServiceDiagnosis", { path });
  session.show(answer, () => `${answer.Summary}\n\n${answer.DiagnosisList.map(paragraph).join("\n")}`);
  return EXIT.done;
};

/** What is so, indented why, and after an arrow what helps. */
function paragraph({ Severity, Error: text, Causes, Advices }: Diagnosis): string {
  const lines = [
    `${MARKS[Severity]} ${text}`,
    ...Causes.map((cause) => `    ${cause}`),
    ...Advices.map((advice) => `    -> ${advice}`),
  ];
  return `${lines.join("\n")}\n`;
}
