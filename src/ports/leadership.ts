/** Which of several control processes on one store acts. */
export interface Leadership {
  /**
   * Waits until this process leads. `onStanding` hears, again and again, who leads meanwhile.
   * @throws the signal's reason; Error when this process can never lead, with the reason
   */
  lead(onStanding: (standing: Standing) => void, signal: AbortSignal): Promise<Term>;
}

/** What one that waits knows. */
export interface Standing {
  /** Address of the control API of the one who leads; null: nobody does, or has not said. */
  readonly leader: string | null;
  /** Why nothing is known, for people; null: the store answers. */
  readonly trouble: string | null;
}

/** The time in which this process leads. It ends for good: the next one is another term. */
export interface Term {
  /** Higher than of any before. */
  readonly number: number;
  /** Names the store, by whatever address it is reached. */
  readonly installation: string;
  /** Aborted, with the reason, when somebody else may lead from now on. */
  readonly lost: AbortSignal;
  /**
   * True while nobody else can lead. It looks at the clock, so it is right also in the first moment after a pause, in which `lost` could not be
   * told yet.
   */
  mayAct(): boolean;
  /** Tells those that wait where the control API is. */
  announce(address: string): void;
  /** Gives it up because of something that this process found out. */
  lose(reason: string): void;
  /**
   * Lets another take over; called when nothing acts here any more. True when one has. False when none waits, or none did so within `patienceMs`:
   * then this process leads as before.
   */
  handOver(patienceMs: number): Promise<boolean>;
  /** Ends it; another may lead. */
  end(): Promise<void>;
}
