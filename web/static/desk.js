// Pages work without this file. It adds keys, choices that are sent as they are made, and messages that fade.
"use strict";

const TYPED = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";

function rows() {
  return [...document.querySelectorAll("[data-row]")];
}

function step(by) {
  const all = rows();
  if (!all.length) return false;
  const at = all.findIndex((row) => row.closest("li").contains(document.activeElement));
  const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  next.focus();
  next.closest("li").scrollIntoView({ block: "nearest" });
  return true;
}

function choose() {
  const item = document.activeElement.closest("li");
  const box = item && item.querySelector("[data-choice]");
  if (box) box.click();
  return Boolean(box);
}

function press(key) {
  const found = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!found) return false;
  if (found.matches("input[type=radio]")) {
    found.checked = true;
    const details = found.closest(".choice").querySelector("details");
    details.open = true;
    details.querySelector("input, textarea").focus();
  } else if (found.matches("input")) {
    found.focus();
  } else {
    found.click();
  }
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.repeat && !["j", "k"].includes(event.key)) return; // a key that is held decides nothing more
  if (event.target.closest(TYPED) || document.querySelector("dialog[open]")) return;
  const own = { j: () => step(1), k: () => step(-1), x: choose };
  if ((own[event.key] && own[event.key]()) || press(event.key)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
});

document.addEventListener("change", (event) => {
  const box = event.target.closest("select[data-submits]");
  if (box) box.form.requestSubmit(box.form.querySelector("button[name=look]"));
  const detail = event.target.closest("[data-sets]");
  if (detail) document.getElementById(detail.dataset.sets).value = detail.dataset.to;
});

document.addEventListener("input", (event) => {
  const typed = event.target.closest("[data-edits]");
  if (typed) document.getElementById(typed.dataset.edits).checked = true;
});

// What is said of an input tells whether it is taken.
document.addEventListener("htmx:afterRequest", () => {
  for (const why of document.querySelectorAll(".why")) {
    for (const input of document.querySelectorAll(`[aria-describedby~="${CSS.escape(why.id)}"]`)) {
      if (why.querySelector(".bad")) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }
});

// A form that keeps what was typed in it is sent only while its person is signed in.
const KEEPS = "form[data-keeps]";

async function signedIn(form) {
  const answer = await fetch(`/desk/signed-in?organisation=${encodeURIComponent(form.dataset.keeps)}`);
  const token = answer.status === 200 ? await answer.text() : "";
  if (token) for (const place of document.querySelectorAll("input[name=csrf]")) place.value = token;
  document.getElementById("signed-out").hidden = answer.status !== 204;
  return answer.status !== 204;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches(KEEPS) || form.dataset.sure) return;
  event.preventDefault();
  if (!(await signedIn(form).catch(() => true))) return;
  form.dataset.sure = "yes";
  form.requestSubmit(event.submitter);
  delete form.dataset.sure;
});

function askWho() {
  const form = document.querySelector(KEEPS);
  if (form) signedIn(form).catch(() => {});
  else location.reload();
}

document.addEventListener("signed-out", askWho);
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 403 && document.querySelector(KEEPS)) askWho();
});
document.addEventListener("visibilitychange", () => {
  const said = document.getElementById("signed-out");
  if (!document.hidden && said && !said.hidden) askWho();
});

for (const found of document.querySelectorAll("[data-opens]")) found.hidden = false;
for (const found of document.querySelectorAll("[data-fades]")) {
  setTimeout(() => found.remove(), 1000 * Number(found.dataset.fades));
}

const SENDS = "form[data-sends]";

function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.min(3, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  return `${(bytes / 1024 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

function refuse(form, text) {
  const place = form.querySelector("[data-refused]");
  place.textContent = text;
  place.hidden = !text;
  form.querySelector("[data-sending]").hidden = true;
  form.querySelector("button").disabled = false;
}

function send(form) {
  const file = form.querySelector("input[type=file]").files[0];
  const largest = Number(form.dataset.largest);
  if (file.size > largest) return refuse(form, `The file is larger than ${size(largest)}. Import it in parts.`);
  refuse(form, "");
  const place = form.querySelector("[data-sending]");
  place.hidden = false;
  form.querySelector("button").disabled = true;
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (event) => {
    place.querySelector("progress").value = (100 * event.loaded) / event.total;
    const whole = event.loaded === event.total;
    place.querySelector("p").textContent = whole ? "Sent. It is looked at." : `${size(event.loaded)} of ${size(event.total)}`;
  });
  request.addEventListener("load", () => {
    const page = request.responseXML;
    const said = page && (page.querySelector("main [role=alert]:not([hidden])") || page.querySelector("main h1 + p"));
    if (request.status === 200) location.assign(request.responseURL);
    else refuse(form, said ? said.textContent.trim() : "The file was not taken.");
  });
  request.addEventListener("error", () => refuse(form, "The file did not come through. Send it again."));
  request.open("POST", form.action);
  request.responseType = "document";
  request.send(new FormData(form));
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches(SENDS)) return;
  event.preventDefault();
  send(event.target);
});

for (const form of document.querySelectorAll(SENDS)) {
  const place = form.querySelector(".drop-place");
  form.querySelector("[data-drop-hint]").hidden = false;
  for (const name of ["dragenter", "dragover"]) {
    place.addEventListener(name, (event) => {
      event.preventDefault();
      place.classList.add("over");
    });
  }
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    form.querySelector("input[type=file]").files = event.dataTransfer.files;
    form.requestSubmit();
  });
}
