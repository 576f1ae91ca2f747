import { EXIT, Misuse } from "../cli-io.ts";
import { textOption, type VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [service], options) => {
  const lines = textOption(options, "lines") ?? "500";
  if (!/^[1-9]\d{0,4}$/.test(lines)) throw new Misuse(`-n ${lines}: a whole number from 1 to 10000`);
  const path = await session.service(service!);
  const instance = textOption(options, "instance");
  const keyword = textOption(options, "keyword");
  if (options.follow !== true) {
    const query = {
      PageSize: Number(lines),
      ...(instance === undefined ? {} : { InstanceName: instance }),
      ...(keyword === undefined ? {} : { Keyword: keyword }),
    };
    const answer = await session.client.call("DescribeServiceLog", { path, query });
    // Nothing but the lines, so that they can be piped on.
    if (session.isJson) session.show(answer);
    else session.io.out(answer.Logs.map((line) => `${line}\n`).join(""));
    return EXIT.done;
  }
  if (session.isJson) throw new Misuse("-f is a stream of lines and has no JSON form");
  return session.io.interruptible(async (signal) => {
    const where = {
      region: path.ClusterId,
      service: path.ServiceName,
      lines: Number(lines),
      ...(instance === undefined ? {} : { instance }),
      ...(keyword === undefined ? {} : { keyword }),
    };
    try {
      for await (const line of session.client.followLogs(where, signal)) session.io.out(`${line}\n`);
      if (!signal.aborted) session.warn("The log ended: its instances are gone, or there are none yet");
    } catch (error) {
      // Ctrl-C is how a log is left.
      if (!signal.aborted) throw error;
    }
    return EXIT.done;
  });
};
