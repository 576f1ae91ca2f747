/** Something that lives as long as its process. */
export interface Component {
  readonly name: string;
  /** Works until the signal, and resolves when all that it started in this process has ended. */
  run(signal: AbortSignal): Promise<void>;
}
