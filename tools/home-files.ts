/** Every file and folder that Sluice keeps in its home: `<word>` is one name, `…` is whatever lies below. A test compares a home that was used. */
export const HOME_FILES: readonly { readonly path: string; readonly text: string }[] = [
  { path: "sluice.json", text: "settings of `sluice serve`; yours, never written" },
  { path: "config.json", text: "the CLI's file: where the control API is, and the key (mode 0600)" },
  { path: "data/sluice.db", text: "the store (SQLite), with `-wal` and `-shm` beside it while it is open" },
  { path: "data/access-key.json", text: "id and secret of the installation's own access key (mode 0600)" },
  { path: "sealing-key.json", text: "what opens the sealed secrets of the other access keys (mode 0600)" },
  { path: "run/control.json", text: "which process is the control process" },
  { path: "run/gateways/<gateway>/…", text: "command, process and socket of a gateway worker" },
  { path: "run/instances/<instance>/…", text: "what an instance runs, its process, socket and state" },
  { path: "logs/control.log", text: "the control process, JSON lines" },
  { path: "logs/<gateway>.log", text: "a gateway worker, JSON lines" },
  { path: "logs/access-<gateway>.log", text: "requests, JSON lines; with `--access-log`" },
  { path: "logs/<service>/<instance>.log", text: "an engine and its processor; `sluice logs` reads it" },
  { path: "models/…", text: "models and packages by their content; `sluice cache ls` lists them" },
  { path: "environments/…", text: "Python environments by their content; `sluice env ls` lists them" },
];

/** Whether a path below the home, without a slash in front, is one of them or leads to one. */
export function isHomeFile(path: string): boolean {
  const plain = path.replace(/(\.db)-(wal|shm)$/, "$1").replace(/\.log\.\d+$/, ".log");
  return HOME_FILES.some(({ path: pattern }) => {
    const steps = pattern.split("/");
    return plain.split("/").every((name, at) => {
      const below = steps.indexOf("…");
      const step = below !== -1 && at >= below ? "…" : steps[at];
      if (step === undefined) return false;
      return (
        step === "…" || new RegExp(`^${step.replace(/<\w+>/g, "[^/]+").replaceAll(".", "\\.")}$`).test(name)
      );
    });
  });
}
