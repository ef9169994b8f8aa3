// What makes the pages pleasant; all of them work without it. Menus, the phone's
// navigation and dialogs are the browser's own (popover, dialog).
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const announce = (text) => {
    const region = document.getElementById("announcement");
    if (region) region.textContent = text;
  };

  // Theme: the choice is remembered only while it differs from the system's.
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    root.dataset.bsTheme = theme;
    try {
      if (theme === system) localStorage.removeItem("theme");
      else localStorage.setItem("theme", theme);
    } catch {
      // Storage is switched off: the choice holds for this page.
    }
  });

  // The portal reads and shows moments in the browser's time zone.
  document.cookie = `zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)}; path=/; max-age=31536000; samesite=lax`;

  // A form that is on its way is not sent again; coming back makes it usable.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method") !== "post" || event.defaultPrevented) return;
    if (form.ariaBusy === "true") event.preventDefault();
    form.ariaBusy = "true";
  });
  addEventListener("pageshow", () => all("form[aria-busy]").forEach((form) => (form.ariaBusy = null)));

  // Filters apply at once: by htmx where it is, or else by sending the form.
  document.addEventListener("change", (event) => {
    const filter = event.target.closest("[data-filter]:not([hx-get])");
    if (!filter || !event.target.matches("select")) return;
    const form = filter.closest("form");
    form.requestSubmit(form.querySelector("[formmethod=get]"));
  });
  document.addEventListener("htmx:after:swap", () => {
    const found = document.querySelector(".kp-list [data-summary], .kp-list .kp-empty-title");
    if (found) announce(found.textContent.trim());
    all("[data-dual]:not([data-ready])").forEach(dualList);
  });

  // A wizard's steps lead back with what is in the form by now.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("form .kp-steps a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const entered = new URLSearchParams(new FormData(link.closest("form")));
    entered.set("step", new URL(link.href).searchParams.get("step"));
    location.href = `${link.pathname}?${entered}`;
  });

  // What cannot be undone waits until the name is typed.
  const confirmByName = (form) => {
    const input = form.querySelector("input[type=text]");
    const button = form.querySelector("[type=submit]");
    const update = () => (button.disabled = input.value.trim() !== form.dataset.confirm.trim());
    input.addEventListener("input", update);
    addEventListener("pageshow", update);
    update();
  };

  // Checkboxes become two lists; they stay in the form, hidden, and are what is sent.
  const dualList = (fieldset) => {
    const template = fieldset.querySelector("template");
    const boxes = all("[data-dual-checks] input", fieldset);
    template.replaceWith(template.content.cloneNode(true));
    fieldset.dataset.ready = "";
    const status = fieldset.querySelector("[data-dual-status]");
    const sides = { available: false, selected: true };
    const part = (side, selector) => fieldset.querySelector(`[data-side=${side}] ${selector}`);
    const list = (side) => part(side, "select");

    const option = (box) => {
      const o = new Option(box.labels[0].textContent, box.value);
      o.title = document.getElementById(box.id + "-hint")?.textContent ?? "";
      return o;
    };
    const render = (side) => {
      const on = boxes.filter((box) => box.checked === sides[side]);
      const words = part(side, "input").value.trim().toLowerCase();
      list(side).replaceChildren(...on.map(option).filter((o) => o.text.toLowerCase().includes(words)));
      part(side, "[data-count]").textContent = `(${on.length})`;
    };
    const renderAll = () => Object.keys(sides).forEach(render);

    const move = (from, options) => {
      const to = from === "available" ? "selected" : "available";
      const values = new Set(options.map((o) => o.value));
      if (!values.size) {
        status.textContent = "Nothing is chosen to move";
        return;
      }
      const at = options[0].index;
      boxes.filter((box) => values.has(box.value)).forEach((box) => (box.checked = sides[to]));
      renderAll();
      const next = list(from).options[Math.min(at, list(from).options.length - 1)];
      if (next && list(from) === document.activeElement) next.selected = true;
      status.textContent = `Moved ${values.size} to ${to[0].toUpperCase()}${to.slice(1)}`;
    };
    const chosen = (side) => [...list(side).selectedOptions];
    const moves = {
      add: () => move("available", chosen("available")),
      remove: () => move("selected", chosen("selected")),
      "add-all": () => move("available", [...list("available").options]),
      "remove-all": () => move("selected", [...list("selected").options]),
    };

    for (const [name, run] of Object.entries(moves)) {
      fieldset.querySelector(`[data-move=${name}]`).addEventListener("click", run);
    }
    for (const [side, arrow] of [["available", "ArrowRight"], ["selected", "ArrowLeft"]]) {
      list(side).addEventListener("dblclick", () => move(side, chosen(side)));
      list(side).addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && !(event.altKey && event.key === arrow)) return;
        event.preventDefault();
        move(side, chosen(side));
      });
      part(side, "input").addEventListener("input", () => render(side));
      part(side, "input").addEventListener("keydown", (event) => {
        if (event.key === "Enter") list(side).focus();
      });
    }
    fieldset.addEventListener("keypress", (event) => {
      if (event.key === "Enter" && event.target.matches("select, input")) event.preventDefault(); // it would send the form
    });
    addEventListener("pageshow", renderAll);
    renderAll();
  };

  // Save generated key: the address becomes the key's page, so that a reload neither
  // shows the key again nor makes a second one; leaving takes it off the page.
  const saveKey = (dialog) => {
    const close = dialog.querySelector("[data-close]");
    const download = dialog.querySelector("[data-save]");
    const status = dialog.querySelector("[data-saved]");
    const ask = dialog.querySelector("[data-ask]");
    let saved = false;

    const leave = () => location.replace(close.href);
    const leaveOrAsk = (event) => {
      event.preventDefault();
      if (saved || !ask.hidden) {
        leave();
        return;
      }
      ask.hidden = false;
      ask.querySelector("[data-stay]").focus();
    };
    const say = (text) => (status.querySelector("span").textContent = text);
    const done = (text) => {
      saved = true;
      ask.hidden = true;
      status.dataset.done = "";
      say(text);
    };
    const copy = async (text) => {
      if (await copyText(text, dialog)) done("Copied");
      else say("The browser did not allow copying. Select the key and copy it, or download it.");
    };

    download.href = URL.createObjectURL(new Blob([dialog.querySelector("[data-copy-all]").dataset.copy], { type: "text/plain" }));
    download.addEventListener("click", () => done("Downloaded"));
    all("[data-copy]", dialog).forEach((button) => button.addEventListener("click", () => copy(button.dataset.copy)));
    all("code", dialog).forEach((code) => code.addEventListener("focus", () => getSelection().selectAllChildren(code)));
    close.addEventListener("click", leaveOrAsk);
    // Escape pressed before anything else can't be refused: the dialog opens again.
    dialog.addEventListener("cancel", (event) => event.cancelable && leaveOrAsk(event));
    dialog.addEventListener("close", (event) => {
      if (!saved && ask.hidden) dialog.showModal();
      leaveOrAsk(event);
    });
    dialog.querySelector("[data-leave]").addEventListener("click", leave);
    dialog.querySelector("[data-stay]").addEventListener("click", () => {
      ask.hidden = true;
      dialog.querySelector("[data-copy-all]").focus();
    });
    addEventListener("pagehide", () => dialog.remove());

    history.replaceState(null, "", close.href);
    dialog.removeAttribute("open");
    dialog.showModal();
  };

  // A secret that is shown again goes when the page is left.
  addEventListener("pagehide", () => all("[data-shown-secret]").forEach((shown) => shown.remove()));

  // copyText reports whether it worked. The clipboard's own interface is there on
  // https and localhost only, hence the older way.
  const copyText = async (text, within) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "visually-hidden";
      const focused = document.activeElement;
      within.append(area);
      area.select();
      const copied = document.execCommand("copy");
      area.remove();
      focused?.focus();
      return copied;
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button || button.closest("[data-save-key]")) return;
    const copied = await copyText(button.dataset.copy, document.body);
    announce(copied ? "Copied" : "The browser did not allow copying");
    button.toggleAttribute("data-done", copied);
  });

  all("form[data-confirm]").forEach(confirmByName);
  all("[data-dual]").forEach(dualList);
  all("dialog[data-save-key]").forEach(saveKey);
})();
