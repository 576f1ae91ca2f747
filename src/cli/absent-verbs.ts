/** A command of eascmd whose work is not in this version. It is known, and says what to do instead. */
export interface AbsentVerb {
  /** First word; what follows it does not matter. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** What is missing. */
  readonly what: string;
  /** What to use meanwhile. */
  readonly instead: string;
}

/** eas-reference §2, without what has its verb. */
export const ABSENT_VERBS: readonly AbsentVerb[] = [
  {
    name: "autoscale",
    what: "scaling by load",
    instead: "watch the load with `sluice top`, and set the number with `sluice scale <service> <count>`",
  },
  {
    name: "cronscale",
    what: "scaling by the clock",
    instead: "a line of crontab that calls `sluice scale <service> <count>`",
  },
  {
    name: "bench",
    what: "load tests",
    instead: "any load generator, on the address and with the token that `sluice desc <service>` shows",
  },
  {
    name: "resource",
    what: "resource groups",
    instead: "this machine is the one node that instances run on; `sluice doctor` shows what it has",
  },
  {
    name: "stream",
    aliases: ["queue"],
    what: "queues",
    instead:
      "`sluice predict <service>`, which waits for the answer; the gateway holds back what is too much",
  },
  {
    name: "upload",
    what: "object storage of one's own",
    instead: "nothing has to be uploaded: model_path of a service.json takes a path of this machine or a URL",
  },
  {
    name: "exec",
    what: "a shell in an instance",
    instead: "`sluice logs`, `sluice explain`, or `sluice test <file>` to run one instance before your eyes",
  },
  {
    name: "pysdk",
    what: "packages of a processor with its interpreter",
    instead:
      "`sluice processor new python <dir>` writes one to begin with; its requirements.txt is installed here",
  },
];
