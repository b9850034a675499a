"use strict";
{
  const main = document.querySelector("main"), one = (query) => main.querySelector(query);
  const input = () => one("input[type=file]"), megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e5 ? 2 : 1);
  const element = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  let url;
  const wrong = ({ name, size, type }) => {
    if (/hei[cf]|avif/.test(type + name.toLowerCase())) return "This is a HEIC or AVIF picture. Choose a JPEG, PNG, WebP or GIF.";
    return size > 1e7 ? `This picture has ${megabytes(size)} MB; 10 MB is the most.` : "";
  };
  const preview = () => {
    const file = input().files[0];
    one(".chosen")?.remove();
    URL.revokeObjectURL(url);
    input().setCustomValidity(file ? wrong(file) : "");
    if (!file) return;
    url = URL.createObjectURL(file);
    const chosen = element(`<div class="row chosen"><img class="preview" alt="Your picture, not sent yet"><p></p><button type="button" class="quiet">Remove the picture</button></div>`);
    const [picture, words, remove] = chosen.children;
    picture.onerror = () => picture.remove();
    picture.src = url;
    words.textContent = `${file.name}, ${megabytes(file.size)} MB`;
    remove.onclick = () => { input().value = ""; preview(); input().focus(); };
    input().after(chosen);
    input().reportValidity();
  };
  const take = (event, { files }) => {
    if (!input() || !files.length) return;
    event.preventDefault();
    const first = new DataTransfer();
    first.items.add(files[0]);
    input().files = first.files;
    preview();
  };
  const mark = (event, over) => {
    if (!input() || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    input().classList.toggle("drop", over);
  };
  main.addEventListener("change", (event) => { if (event.target === input()) preview(); });
  main.addEventListener("dragover", (event) => mark(event, true));
  main.addEventListener("dragleave", (event) => mark(event, false));
  main.addEventListener("drop", (event) => { mark(event, false); take(event, event.dataTransfer); });
  document.addEventListener("paste", (event) => take(event, event.clipboardData));
  if (input()) one("#entry-file-h").append(" You can drop or paste one, too.");

  const note = (bold, words) => {
    const shown = element(`<div class="note" data-is="bad" role="alert" tabindex="-1"><svg class="i" aria-hidden="true"><use href="#i-bad"/></svg><div><p><b></b> <span></span></p></div></div>`);
    shown.querySelector("b").textContent = bold;
    shown.querySelector("span").textContent = words;
    one(".note")?.remove();
    one("form").before(shown);
    shown.focus();
  };
  // The page that refused the form takes this one's place. It has what was typed; the chosen picture is put back.
  const swap = (html) => {
    const page = new DOMParser().parseFromString(html, "text/html"), kept = input()?.files;
    if (!page.querySelector("main#main")) return false;
    document.title = page.title;
    main.replaceChildren(...page.querySelector("main").childNodes);
    const again = one("[data-again]");
    if (again && kept?.length) {
      again.remove();
      input().files = kept;
      input().removeAttribute("aria-invalid");
      preview();
    }
    (one("[autofocus]") ?? main).focus();
    return true;
  };
  const send = (form, submitter) => {
    const request = new XMLHttpRequest(), file = submitter?.name ? undefined : input()?.files[0];
    const body = new FormData(form, submitter), what = file ? "Sending the picture" : "Saving";
    const sending = element(`<div class="stack" role="group" aria-label="Sending"><p class="row between"><label for="bar"></label><span class="soft"></span></p><progress id="bar" max="100"></progress><div class="row"><button type="button">Cancel</button><span class="soft">Cancelling keeps what you wrote.</span></div><p class="sr" role="status"></p></div>`);
    const bytes = sending.querySelector("span"), bar = sending.querySelector("progress"), status = sending.querySelector(".sr");
    const end = (bold, words) => {
      form.removeAttribute("aria-busy");
      for (const part of form.children) part.hidden = false;
      sending.remove();
      note(bold, words);
    };
    sending.querySelector("label").textContent = what;
    sending.querySelector("button").onclick = () => request.abort();
    form.setAttribute("aria-busy", "true");
    for (const part of form.children) part.hidden = !part.querySelector("textarea");
    form.append(sending);
    sending.querySelector("button").focus();
    let quarter = 0;
    request.upload.onprogress = ({ loaded, total }) => {
      if (!file) return;
      bar.value = 100 * loaded / total;
      bytes.textContent = `${megabytes(loaded)} of ${megabytes(total)} MB`;
      if (Math.floor(bar.value / 25) > quarter) status.textContent = `${25 * (quarter = Math.floor(bar.value / 25))} % sent`;
    };
    request.onabort = () => end("Cancelled.", "What you wrote is still here.");
    request.onerror = () => end("The connection broke.", "Your text is still here: try again. Nothing is saved twice.");
    request.onload = () => {
      if (request.status < 400 && request.responseURL !== form.action) location.assign(request.responseURL);
      else if (!swap(request.responseText)) end("Nothing was saved.", `The answer is no page (${request.status}). Your text is still here: try again in a minute.`);
    };
    request.open("POST", form.action);
    request.send(body);
  };
  main.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.enctype !== "multipart/form-data") return;
    event.preventDefault();
    if (!form.hasAttribute("aria-busy")) send(form, event.submitter);
  });
}
