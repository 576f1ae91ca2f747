import type { OperationName } from "../api/paths.ts";
import { auditOf } from "../core/access/audit-change.ts";
import { backupLines, readBackup } from "./backup-lines.ts";
import { type Handler, LineStream } from "./handler.ts";
import { rfc3339 } from "./time.ts";

type Backups = Extract<OperationName, "MakeBackup" | "RestoreBackup">;

/** What is wanted, as one file, and back to it. */
export const BACKUP_HANDLERS: { readonly [N in Backups]: Handler<N> } = {
  async MakeBackup({ actor }, { control, clock, region, version, log }) {
    const { state } = await control.read();
    const { services, groups } = state;
    // It changes nothing, and whoever has it has every token: so it is told. A full disk keeps the entry out, not the backup.
    const change = `a backup of ${services.size} services and ${groups.size} groups, with their tokens`;
    const entry = { ...auditOf(actor!, clock.now()), change };
    await control.addAudit([entry]).catch((error: unknown) => {
      log.error({ err: error, entry }, "an audit entry could not be stored");
    });
    return new LineStream([later(backupLines(state, { program: version, region, madeAtMs: clock.now() }))]);
  },
  async RestoreBackup({ query, body }, { control }) {
    const backup = readBackup(body);
    const { services, groups } = await control.restoreBackup(backup, query.Plan === true);
    const shown = (of: typeof services | typeof groups) =>
      of.map(({ name, outcome }) => ({ Name: name, Outcome: outcome }));
    return {
      MadeTime: rfc3339(backup.madeAtMs),
      Services: shown(services),
      Groups: shown(groups),
      ChangeCount: [...services, ...groups].filter((r) => r.outcome !== "unchanged").length,
    };
  },
};

async function* later(lines: Iterable<string>) {
  yield* lines;
}
