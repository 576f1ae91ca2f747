import Type from "typebox";
import { answer, flag, query, text, whole } from "./fields.ts";
import type { OperationSchema } from "./operation.ts";

const outcomes = (of: string) =>
  Type.Array(
    Type.Object({
      Name: Type.String(),
      Outcome: Type.Enum(["created", "changed", "removed", "unchanged"], {
        description: `what the restore makes of the ${of}`,
      }),
    }),
  );

/** What is wanted, as one file: to keep, and to go back to. */
export const BACKUP_OPERATIONS = {
  MakeBackup: {
    summary:
      "All that is wanted at this moment, as lines of JSON that end with their digest: services with documents, versions and tokens, groups. It holds secrets",
    tag: "Internal",
    role: "admin",
    isInstallationWide: true,
    query: query({}),
    body: null,
    response: answer({}),
    answersLines: true,
  },
  RestoreBackup: {
    summary:
      "Brings what is wanted back to a backup, all or nothing; the loops do the rest, make before break. The body is what MakeBackup gave",
    tag: "Internal",
    role: "admin",
    isInstallationWide: true,
    query: query({
      Plan: Type.Optional(flag("nothing is changed; the answer says what would be")),
    }),
    body: "lines",
    response: answer({
      MadeTime: text("when the backup was made; RFC 3339, UTC"),
      Services: outcomes("service"),
      Groups: outcomes("group"),
      ChangeCount: whole("services and groups that are not as the backup has them"),
    }),
    refusals: ["INVALID_BACKUP", "RESTORE_REFUSED"],
  },
} as const satisfies Record<string, OperationSchema>;
