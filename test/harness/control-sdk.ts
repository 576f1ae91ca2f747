/** The SDK of the control API that is tested against (eas-reference §7.7). */
export const CONTROL_SDK = "alibabacloud-eas20210701==7.0.0";
