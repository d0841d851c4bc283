// Small helps; every page reads and works without them.
"use strict";

// A filter that is chosen is applied at once.
for (const form of document.querySelectorAll("form.asks")) {
  for (const select of form.querySelectorAll("select")) {
    select.addEventListener("change", () => form.requestSubmit());
  }
}

// Fields that are empty stay out of the URL, so that a link has in it only what was asked.
for (const form of document.querySelectorAll("form.asks")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (value === "") {
        event.formData.delete(name);
      }
    }
  });
}

// "/" leads to the search field.
document.addEventListener("keydown", (event) => {
  const field = document.querySelector("input[type=search]");
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  if (field && !typing && event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    field.focus();
  }
});
