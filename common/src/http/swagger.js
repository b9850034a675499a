"use strict";
// Swagger UI gives some fields and buttons no name, some boxes that scroll no focus, and puts links into buttons. It draws
// anew at any time, so this looks again.
{
  const root = document.getElementById("swagger-ui");
  const name = (field) => field.placeholder
    || field.closest("tr")?.querySelector(".parameter__name")?.innerText
    || field.closest(".opblock-section-request-body, .opblock-section, .responses-wrapper")?.querySelector("h4")?.innerText
    || "Value";
  const all = (query) => root.querySelectorAll(query);
  const mend = () => {
    for (const field of all("input, select, textarea")) {
      if (!field.labels?.length && !field.hasAttribute("aria-label")) field.setAttribute("aria-label", name(field));
    }
    for (const box of all("pre:not([tabindex])")) box.tabIndex = 0;
    for (const button of all(".copy-to-clipboard > button:not([aria-label])")) button.setAttribute("aria-label", "Copy");
    for (const button of all(".close-modal:not([aria-label])")) button.setAttribute("aria-label", "Close");
    // The button around it does the same.
    for (const link of all("button a[href]")) link.removeAttribute("href");
    // One level less than they have, or two: the page has one heading above them.
    for (const heading of all(":is(h3, h4, h5):not([aria-level])")) {
      heading.setAttribute("aria-level", heading.matches("h3.opblock-tag, .models > h4, .modal-ux-header > h3") ? 2 : heading.matches("h5") ? 4 : 3);
    }
    for (const table of all(".opblock [role=region]:not([aria-label])")) {
      table.setAttribute("aria-label", `Responses of ${table.closest(".opblock").querySelector(".opblock-summary-control").innerText}`);
    }
  };
  mend();
  new MutationObserver(mend).observe(root, { childList: true, subtree: true });
}
