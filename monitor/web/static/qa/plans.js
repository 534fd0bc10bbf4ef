// The form of a new plan shows what its kind needs.

const form = document.getElementById("plan");

function show() {
  const kind = form.elements.kind.value;
  for (const part of form.querySelectorAll("[data-kind]")) part.hidden = part.dataset.kind !== kind;
}

form.addEventListener("change", show);
show();
