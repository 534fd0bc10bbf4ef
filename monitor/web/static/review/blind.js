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

// 1, 2, 3 answer the item the focus is in (the first open one, if it is elsewhere on the page),
// and go on to the next one.
function answer(event) {
  const groups = [...form.querySelectorAll("fieldset[data-item]")];
  const group = document.activeElement.closest("fieldset[data-item]") ?? groups.find((one) => !one.querySelector("input:checked")) ?? groups[0];
  const choice = group?.querySelectorAll("input[type=radio]")[Number(event.key) - 1];
  if (!choice) return;
  choice.checked = true;
  count();
  const next = groups[groups.indexOf(group) + 1];
  (next?.querySelector("input:checked") ?? next?.querySelector("input") ?? choice).focus();
}
form.addEventListener("change", count);
form.addEventListener("submit", (event) => {
  const [first] = count();
  if (!first) return;
  event.preventDefault();
  first.querySelector("input").focus();
  first.scrollIntoView({ block: "center" });
});
keys.bind({
  "1, 2, 3": [t("给当前项打分，并到下一项", "Answer this item and go on"), answer],
  "ctrl+enter": [t("保存", "Save"), () => form.requestSubmit()],
});
form.querySelector("fieldset[data-item] input")?.focus({ preventScroll: true });

count();
transport.load().then(() => (root.dataset.ready = "yes"));
