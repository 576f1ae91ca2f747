/** Entries kept of what was done, and of what was refused: the oldest go first, and refusals never push out a change. */
export const AUDIT_DONE_MAX = 20_000;
export const AUDIT_REFUSED_MAX = 1000;
/** Longest text of what one changed. */
export const AUDIT_CHARS_MAX = 1000;

/** `refused`: the key's role or restriction did not allow it; nothing was changed. */
export type AuditOutcome = "done" | "refused";

/** One change that somebody asked for. What the system does by itself is an event instead. Nothing in it is secret. */
export interface AuditEntry {
  /** Wall clock. */
  readonly atMs: number;
  /** Of the answer; the same as in the log. */
  readonly requestId: string;
  /** Id of the access key; empty: none was asked for, at the start of the server. */
  readonly keyId: string;
  /** The key's note as it was then; may be empty. */
  readonly keyNote: string;
  /** As the connection had it: an IP address, or empty when it was gone. */
  readonly remoteAddress: string;
  /** Name in the contract, e.g. `ScaleService`. */
  readonly operation: string;
  /** What it was about, e.g. `service/a`, `group/g`, `key/k`; empty: the installation. */
  readonly target: string;
  readonly outcome: AuditOutcome;
  /** Of the refusal, from the catalogue; null: done. */
  readonly code: string | null;
  /** Old → new in short, e.g. `instances 1 → 3`; may be empty. At most AUDIT_CHARS_MAX characters. */
  readonly change: string;
}
