// Scoring a call blind: sound and words without anything that the machine or others said of it.

import * as keys from "../js/keys.js";
import { t } from "../js/lang.js";
import { Transport } from "./transport.js";

const root = document.getElementById("review");
const form = document.getElementById("score-form");
const transport = new Transport(root);

function count() {
  const groups = [...form.querySelectorAll("fieldset[data-item]")];
  const left = groups.filter((group) => !group.querySelector("input:checked"));
  document.getElementById("left").textContent = left.length ? t(`还有 ${left.length} 项`, `${left.length} left`) : t("已全部评完", "All answered");
  return left;
}

// 1, 2, 3 answer the item the focus is in, and go on to the next one.
form.addEventListener("keydown", (event) => {
  const group = event.target.closest("fieldset[data-item]");
  const choice = group?.querySelectorAll("input[type=radio]")[Number(event.key) - 1];
  if (!choice || event.target.matches(".input")) return;
  event.preventDefault();
  event.stopPropagation();
  choice.checked = true;
  count();
  const groups = [...form.querySelectorAll("fieldset[data-item]")];
  const next = groups[groups.indexOf(group) + 1];
  (next?.querySelector("input:checked") ?? next?.querySelector("input") ?? choice).focus();
});
form.addEventListener("change", count);
form.addEventListener("submit", (event) => {
  const [first] = count();
  if (!first) return;
  event.preventDefault();
  first.querySelector("input").focus();
  first.scrollIntoView({ block: "center" });
});
keys.bind({ "ctrl+enter": [t("保存", "Save"), () => form.requestSubmit()] });

count();
transport.load().then(() => (root.dataset.ready = "yes"));
