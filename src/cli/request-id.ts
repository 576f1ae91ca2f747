/**
 * The id of one request of this command line, as the control API makes them: a UUID in upper case. It goes out as X-Request-Id, so that one
 * word finds the request in every log that it passed: of the control process, the audit, the gateway and the instance.
 */
export const makeRequestId = (): string => crypto.randomUUID().toUpperCase();
