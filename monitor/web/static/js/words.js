// How severities, parties and states are called and marked, as on the server (monitor/web/look.py).

import { t } from "./lang.js";

export const SEVERITIES = ["fatal", "major", "minor", "tip"];

const SEVERITY = {
  fatal: t("致命", "Fatal"),
  major: t("严重", "Major"),
  minor: t("一般", "Minor"),
  tip: t("提示", "Tip"),
};

const PARTY = { agent: t("坐席", "Agent"), customer: t("客户", "Customer") };

const SCRIPT = {
  pending: ["waiting", t("待完成", "Pending")],
  met: ["done", t("已完成", "Done")],
  missed: ["missed", t("缺失", "Missed")],
};

const ALERT_STATE = {
  raised: "",
  confirmed: t("已复核确认", "Confirmed"),
  retracted: t("已撤回", "Retracted"),
  dismissed: t("申诉成立，不计", "Appeal upheld: not counted"),
};

export const severityName = (value) => SEVERITY[value] ?? value;
export const partyName = (value) => PARTY[value] ?? value;
export const scriptMark = (status) => SCRIPT[status];
export const alertStateName = (value) => ALERT_STATE[value] ?? value;
export const directionName = (value) => ({ inbound: t("呼入", "Inbound"), outbound: t("呼出", "Outbound") })[value] ?? "";
