// The scorecard beside a call: fetched when its tab is looked at, answered by keys or mouse,
// kept as a draft as it is filled in. The server alone adds it up.

import { post } from "../js/api.js";
import * as keys from "../js/keys.js";
import { t } from "../js/lang.js";

const DRAFT_AFTER_MS = 700;
const ANSWERS = { 1: ["met", "clean"], 2: ["partly"], 3: ["lost"], 4: ["not_applicable"] };

class Card {
  constructor(form) {
    this.form = form;
    this.url = `/api/calls/${form.dataset.call}/scorecard`;
    this.timer = null;
    this.sending = Promise.resolve();
    form.addEventListener("input", (event) => this.changed(event));
    form.addEventListener("click", (event) => this.clicked(event));
    form.addEventListener("keydown", (event) => this.pressed(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    for (const item of this.items) this.settle(item);
    window.addEventListener("pagehide", () => this.timer && this.keep(false));
  }

  get items() {
    return [...this.form.querySelectorAll(".item")];
  }

  part(name, within = this.form) {
    return within.querySelector(`[data-part="${name}"]`);
  }

  // --- answers -----------------------------------------------------------------------------

  answer(item) {
    return item.querySelector("input[type=radio]:checked")?.value ?? "";
  }

  set(item, value) {
    const radio = item.querySelector(`input[type=radio][value="${value}"]`);
    if (!radio) return false;
    radio.checked = true;
    this.settle(item);
    return true;
  }

  // Show what an answer asks for (points of a part, how many times), and note whether it is given.
  settle(item) {
    const value = this.answer(item);
    item.dataset.answer = value;
    item.classList.toggle("open", !value);
    for (const extra of item.querySelectorAll(".item-extra")) extra.hidden = extra.dataset.for !== value;
  }

  given() {
    return this.items
      .filter((item) => this.answer(item))
      .map((item) => {
        const status = this.answer(item);
        const answer = { item: item.dataset.item, status, comment: item.querySelector("[name=comment]").value };
        if (status === "partly") answer.points = Number(item.querySelector("[name=points]").value);
        if (status === "lost") answer.times = Math.max(1, Math.round(Number(item.querySelector("[name=times]")?.value ?? 1)) || 1);
        return answer;
      });
  }

  // --- what people do ----------------------------------------------------------------------

  changed(event) {
    if (event.target.dataset.part === "find") return this.find(event.target);
    const item = event.target.closest(".item");
    if (item) this.settle(item);
    this.later();
  }

  clicked(event) {
    const item = event.target.closest(".item");
    if (event.target.closest(".comment-switch")) this.comment(item);
    if (event.target.closest('[data-part="adopt"]')) this.adopt();
  }

  comment(item, focus = true) {
    const field = item.querySelector("[name=comment]");
    field.hidden = false;
    item.querySelector(".comment-switch").setAttribute("aria-expanded", "true");
    if (focus) field.focus();
  }

  // The machine's answers into the open items: a person's own act, one click at a time.
  adopt() {
    for (const item of this.items) {
      const hint = item.dataset.hint;
      if (hint && this.set(item, hint)) {
        const times = item.querySelector("[name=times]");
        if (times && item.dataset.times) times.value = item.dataset.times;
        const points = item.querySelector("[name=points]");
        if (points && item.dataset.points) points.value = item.dataset.points;
      }
    }
    this.later();
  }

  // Keys that mean something only while the focus is in the form: elsewhere on the page the
  // same ones may mean something else.
  pressed(event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      event.preventDefault();
      this.submit();
      return;
    }
    const item = event.target.closest(".item");
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("textarea, input:not([type=radio])")) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.go(item, step);
    else if (event.key in ANSWERS) this.press(item, event.key);
    else if (event.key.toLowerCase() === "c") this.comment(item);
    else return;
    event.preventDefault();
  }

  // With the focus elsewhere on the page a digit answers the next open item, and shows it.
  answerOpen(key) {
    reveal(this);
    const item = document.activeElement.closest(".item");
    if (item && this.form.contains(item)) this.press(item, key);
  }

  press(item, key) {
    if (!ANSWERS[key].some((value) => this.set(item, value))) return;
    this.later();
    if (key === "1" || key === "4") this.go(item, 1); // the others ask for a word more
  }

  go(item, step) {
    const shown = this.items.filter((one) => one.checkVisibility()); // not those folded away
    const next = item ? shown[shown.indexOf(item) + step] : (shown.find((one) => !this.answer(one)) ?? shown[0]);
    if (!next) return this.form.querySelector(".button.primary").focus();
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  find(field) {
    const words = field.value.trim().toLowerCase();
    for (const item of field.parentElement.querySelectorAll(".item")) {
      item.hidden = words !== "" && !item.dataset.title.toLowerCase().includes(words);
    }
  }

  // --- keeping -----------------------------------------------------------------------------

  later() {
    clearTimeout(this.timer);
    this.part("state").textContent = t("未保存…", "Not saved yet…");
    this.timer = setTimeout(() => this.keep(false), DRAFT_AFTER_MS);
  }

  submit() {
    const open = this.items.find((item) => !this.answer(item));
    if (open) {
      const count = this.items.filter((item) => !this.answer(item)).length;
      this.problem(t(`还有 ${count} 项没有评`, `${count} item(s) have no answer yet`));
      open.closest("details")?.setAttribute("open", "");
      open.focus();
      open.scrollIntoView({ block: "nearest" });
      return;
    }
    this.keep(true);
  }

  problem(text) {
    const place = this.part("problem");
    place.hidden = !text;
    place.textContent = text;
    this.part("note").hidden = Boolean(text);
  }

  // One after the other, so that an older draft never overtakes a newer one.
  keep(final) {
    clearTimeout(this.timer);
    this.timer = null;
    const card = {
      answers: this.given(),
      final,
      purpose: this.form.dataset.purpose,
      comment: this.form.elements.overall.value,
    };
    this.sending = this.sending.then(async () => {
      try {
        this.show(await post(this.url, card));
      } catch (error) {
        this.problem(error.message);
        this.part("state").textContent = t("没有保存", "Not saved");
      }
    });
  }

  show(card) {
    this.problem("");
    this.part("total").textContent = String(card.total);
    this.part("grade").textContent = card.grade;
    this.part("fatal").hidden = !card.fatal;
    for (const group of card.groups) {
      const place = [...this.form.querySelectorAll(".card-group")].find((one) => one.dataset.group === group.name);
      if (place) this.part("points", place).textContent = group.max ? String(group.points) : t("不适用", "N/A");
    }
    const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const final = card.status === "final";
    this.part("state").textContent = `${final ? t("已提交", "Submitted") : t("草稿已存", "Draft kept")} ${time}`;
    this.form.dataset.status = card.status;
    const next = this.part("next");
    next.hidden = !(final && document.getElementById("review-next"));
    if (final) {
      this.part("note").hidden = true;
      document.dispatchEvent(new CustomEvent("scorecard-final", { detail: card }));
      if (!next.hidden) next.focus();
    }
  }
}

async function open(place) {
  const response = await fetch(place.dataset.scorecard, { credentials: "same-origin" });
  const text = await response.text();
  if (!response.ok) {
    place.textContent = t("评分表打不开，请刷新页面", "The scorecard cannot be opened; reload the page");
    return;
  }
  place.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  const form = place.querySelector("form");
  if (!form) return;
  const card = new Card(form);
  keys.bind({
    e: [t("评分表：下一个未评的项", "Scorecard: next open item"), () => reveal(card)],
    "1, 2, 3, 4": [t("评分表：作答（↑↓ 换项，C 写评语）", "Scorecard: answer (↑↓ walk, C comments)"), (event) => card.answerOpen(event.key)],
  });
  place.dataset.ready = "yes";
}

// The form may stand in a tab that is not open.
function reveal(card) {
  const panel = card.form.closest("[role=tabpanel]");
  if (panel?.hidden) document.querySelector(`[aria-controls="${panel.id}"]`)?.click();
  card.go(null, 1);
}

// From the review queue one comes for the scorecard.
if (location.hash === "#scorecard") {
  const panel = document.querySelector("[data-scorecard]")?.closest("[role=tabpanel]");
  if (panel) document.querySelector(`[aria-controls="${panel.id}"]`)?.click();
}

for (const place of document.querySelectorAll("[data-scorecard]")) {
  // A form in a closed tab waits until somebody looks; the page is there sooner.
  new IntersectionObserver((seen, observer) => {
    if (!seen.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    open(place);
  }).observe(place);
}
