/** Every bound of making environments. */
export interface EnvironmentLimits {
  /** Longest work on one environment: large packages over a slow line, or built from source. */
  readonly buildMs: number;
  /** Longest import of one package when it is verified: TensorFlow takes 4 to 20 s, by how busy the machine is. */
  readonly importMs: number;
  /** How long what Python says of itself is believed, and longest wait for it to say so. */
  readonly identityMs: number;
  /** Characters of a requirements file. */
  readonly fileCharsMax: number;
  /** Lines of pip that are told of a failure. */
  readonly lastLines: number;
  /** Lines of pip in which the reason of a failure is looked for: what a build printed stands between pip's own words. */
  readonly tailLines: number;
  /** Characters of one line of pip that are kept. */
  readonly lineCharsMax: number;
  /** Least time between two progress lines. */
  readonly progressMs: number;
}

export const ENVIRONMENT_LIMITS: EnvironmentLimits = {
  buildMs: 3_600_000,
  importMs: 120_000,
  identityMs: 60_000,
  fileCharsMax: 1_000_000,
  lastLines: 6,
  tailLines: 200,
  lineCharsMax: 500,
  progressMs: 500,
};
