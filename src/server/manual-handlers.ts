import type { OperationName } from "../api/paths.ts";
import type { Finding } from "../core/explain/finding.ts";
import type { InstanceId } from "../core/names.ts";
import { type Handler, serviceName } from "./handler.ts";

type Manual = Extract<
  OperationName,
  | "UpdateServiceInstance"
  | "UpdateServiceSafetyLock"
  | "DescribeServiceDiagnosis"
  | "DescribeServiceInstanceDiagnosis"
>;

/** Orders about single instances, the safety lock, and explanations. */
export const MANUAL_HANDLERS: { readonly [N in Manual]: Handler<N> } = {
  async UpdateServiceInstance({ path, body }, { control, region }) {
    const { Isolate: isolate, Detach: detach } = body;
    const name = serviceName(path.ServiceName);
    const instance = path.InstanceName as InstanceId;
    const record = await control.updateInstance(name, instance, {
      ...(isolate === undefined ? {} : { isolate }),
      ...(detach === undefined ? {} : { detach }),
    });
    const told = [
      ...(isolate === undefined ? [] : [isolate ? "isolated" : "back in traffic"]),
      ...(detach === undefined ? [] : ["detached"]),
    ];
    return {
      Message: `Instance [${instance}] of service [${name}] in region [${region}] is ${told.join(" and ")}`,
      Generation: record.generation,
    };
  },
  async UpdateServiceSafetyLock({ path, body }, { control, region }) {
    const name = serviceName(path.ServiceName);
    const record = await control.setSafetyLock(name, body.Lock);
    return {
      Message: `Service [${name}] in region [${region}] has the safety lock ${body.Lock}`,
      Generation: record.generation,
    };
  },
  async DescribeServiceDiagnosis({ path }, { control }) {
    const { summary, findings } = await control.explainService(serviceName(path.ServiceName));
    return { Summary: summary, DiagnosisList: findings.map(findingView) };
  },
  async DescribeServiceInstanceDiagnosis({ path }, { control }) {
    const name = serviceName(path.ServiceName);
    return { Diagnosis: findingView(await control.explainInstance(name, path.InstanceName as InstanceId)) };
  },
};

const findingView = ({ kind, severity, instance, text, causes, advices }: Finding) => ({
  Kind: kind,
  Severity: severity,
  ...(instance === null ? {} : { InstanceName: instance }),
  Error: text,
  Causes: [...causes],
  Advices: [...advices],
});
