// What the page does: a section is chosen, its crossing or a finding's run is drawn, and stepped through by keys.
// Everything that a kernel or a witness may have named is set as text, never as markup.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  // --- What the numbers of a run mean ---

  const OWNERS = ["kernel", "user", "none", "shared"];
  const BANDS = [
    { title: "mode", value: (b) => (b & 512 ? "hypervisor" : b & 2 ? "kernel" : "user") },
    { title: "RSP", value: (b) => OWNERS[(b >> 3) & 3] },
    { title: "GS", value: (b) => OWNERS[(b >> 5) & 3] },
    { title: "CR3", value: (b) => OWNERS[(b >> 7) & 3] },
    { title: "IF", value: (b) => (b & 1 ? "on" : "off") },
  ];
  // What a step does against speculation, where the run does anything: a colour, its meaning, and a letter for the map.
  const GUARDS = {
    l: ["barrier", "LFENCE", "L"], v: ["clearing", "VERW clears buffers", "V"], I: ["on", "IBRS is set", "I"], i: ["off", "IBRS is cleared", "i"],
    p: ["clearing", "predictors are flushed", "P"], f: ["clearing", "the L1D is flushed", "F"], " ": ["card", "", ""],
  };
  const guardBands = (run) => (run.guards.trim() ? [
    // What IA32_SPEC_CTRL held before the first write is not in the run.
    { title: "IBRS", value: (b, i) => run.ibrs[i] },
    { title: "barriers", value: (b, i) => GUARDS[run.guards[i]][0], letter: (i) => GUARDS[run.guards[i]][2] },
  ] : []);
  const ARRIVALS = {
    h: ["bad", "harmful", "H"], o: ["own", "own stack", "o"], r: ["recovered", "recovered", "r"], m: ["masked", "masked", "m"],
    b: ["blocked", "blocked", "b"], n: ["nosource", "no source", ""], t: ["nottried", "not tried", "?"], " ": ["card", "", ""],
  };
  const hex = (text) => "0x" + text;

  // --- State ---

  let section = null; // of data
  let number = 0; // of the section
  let bands = BANDS; // and those of the run
  let run = null; // the one that is drawn
  let arrivals = []; // [title, letters] of the events, of a crossing alone
  let now = 0;
  let registers = []; // of every boundary so far, by index
  let timer = 0;
  let cell = 8; // pixels of a boundary on the map

  // --- Choosing ---

  const sections = [];
  data.reports.forEach((report) => report.sections.forEach((one) => sections.push({ report, one })));

  function chooseSection(index) {
    section = sections[index].one;
    number = index;
    document.querySelectorAll("[data-section]:not(button)").forEach((row) => row.classList.toggle("chosen", Number(row.dataset.section) === index));
    byId("view").hidden = false;
    byId("title").textContent = [sections[index].report.kernel, ...section.place].join(" · ");
    const tabs = byId("tabs");
    tabs.replaceChildren();
    const add = (title) => {
      const tab = make("button", "", title);
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.addEventListener("click", () => chooseTab(tab));
      tabs.append(tab);
    };
    add("the crossing");
    section.findings.forEach((finding, i) => add(`${i + 1}. ${finding.rule}: ${events(finding)} at ${finding.place}`));
    chooseTab(tabs.children[section.findings.length && section.findings[0].run ? 1 : 0]);
  }

  // Of "NMI at boundary 5, symbol+0x9" what comes first.
  const events = (finding) => finding.steps.map((step) => step.split(" at boundary ")[0]).join(", ") || "no event";

  function chooseTab(tab) {
    stop();
    [...byId("tabs").children].forEach((other, i) => {
      other.setAttribute("aria-selected", String(other === tab));
      if (other === tab) i === 0 ? showCrossing() : showFinding(section.findings[i - 1]);
    });
  }

  function describe(pairs) {
    const about = byId("about");
    about.replaceChildren();
    pairs.filter((pair) => pair[1]).forEach(([name, ...values]) => {
      about.append(make("dt", "", name));
      values.forEach((value) => about.append(make("dd", ["replay", "place", "source"].includes(name) ? "code" : "", value)));
    });
  }

  function showCrossing() {
    describe([[section.isTrace ? "events" : "verdict", section.verdict], ...section.windows.map((window) => ["window", window])]);
    load(section.run, section.arrivals, section.run && section.arrivals.length === 0 && !section.isTrace ? "what became of each event is not known: the section was taken over from --resume" : "");
  }

  function showFinding(finding) {
    describe([
      ["finding", finding.message], ["place", finding.place], ["source", finding.source], ["from", finding.origin], ...finding.steps.map((step) => ["event", step]),
      ["registers", finding.registers], ["replay", finding.replay],
    ]);
    load(finding.run, [], "");
    if (run && finding.boundary !== null) select(Math.min(finding.boundary, run.bits.length - 1));
  }

  function load(next, events, note) {
    run = next;
    arrivals = events;
    byId("note").textContent = run ? [note, run.end].filter(Boolean).join("; ") : "there is no run to show: the crossing did not run, or there are more findings than are kept";
    byId("play").hidden = !run;
    registers = [];
    if (!run) return;
    const state = run.names.map(() => "?");
    run.registers.forEach((changes) => {
      for (let i = 0; i < changes.length; i += 2) state[changes[i]] = changes[i + 1];
      registers.push(state.slice());
    });
    run.byStep = new Map();
    run.deliveries.forEach((delivery) => {
      if (!run.byStep.has(delivery.step)) run.byStep.set(delivery.step, []);
      run.byStep.get(delivery.step).push(delivery);
    });
    bands = [...BANDS, ...prepared(run)];
    byId("rows").style.height = `${run.bits.length * ROW}px`;
    byId("list").scrollTop = 0;
    byId("map").scrollLeft = 0;
    legend();
    resizeMap();
    select(0);
  }

  // The bands of its guards, once it is known whether IBRS is set at each boundary.
  function prepared(run) {
    if (!run.ibrs) {
      let state = "card";
      run.ibrs = [...run.guards].map((letter) => {
        const before = state;
        if (letter === "I" || letter === "i") state = GUARDS[letter][0];
        return before;
      });
    }
    return guardBands(run);
  }

  // --- The map ---

  const GUTTER = 86, BAND = 15, HEAD = 18;
  const colours = {};
  function readColours() {
    const style = getComputedStyle(document.documentElement);
    ["card", "ink", "dim", "line", "focus", "kernel", "user", "hypervisor", "none", "shared", "on", "off", "bad", "own", "recovered", "masked", "blocked",
      "nosource", "nottried", "frame", "barrier", "clearing"].forEach((name) => { colours[name] = style.getPropertyValue("--" + name).trim(); });
  }

  const canvas = byId("canvas");
  function resizeMap() {
    const map = byId("map");
    const lines = bands.length + (arrivals.length || 1);
    const width = map.clientWidth, height = HEAD + lines * BAND + 4;
    const scale = window.devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    byId("spacer").style.width = `${GUTTER + run.bits.length * cell + 8}px`;
    drawMap();
  }

  function drawMap() {
    if (!run) return;
    const map = byId("map");
    const scale = window.devicePixelRatio || 1;
    const pen = canvas.getContext("2d");
    const width = map.clientWidth;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.fillStyle = colours.card;
    pen.fillRect(0, 0, width, canvas.height / scale);
    const first = Math.max(0, Math.floor(map.scrollLeft / cell));
    const last = Math.min(run.bits.length, Math.ceil((map.scrollLeft + width - GUTTER) / cell) + 1);
    const x = (i) => GUTTER + i * cell - map.scrollLeft;
    pen.font = '11px ui-monospace, "DejaVu Sans Mono", monospace';
    pen.textBaseline = "middle";
    // Neighbours of one colour are one rectangle.
    const band = (line, colourOf, letterOf) => {
      const y = HEAD + line * BAND;
      for (let i = first; i < last; ) {
        const colour = colourOf(i);
        let j = i + 1;
        while (j < last && colourOf(j) === colour) j++;
        pen.fillStyle = colours[colour] || colours.card;
        pen.fillRect(x(i), y + 1, (j - i) * cell - (cell > 4 ? 1 : 0), BAND - 2);
        i = j;
      }
      if (letterOf && cell >= 8) {
        pen.fillStyle = colours.ink;
        for (let i = first; i < last; i++) {
          const letter = letterOf(i);
          if (letter) pen.fillText(letter, x(i) + (cell - 7) / 2, y + BAND / 2);
        }
      }
    };
    bands.forEach((one, line) => band(line, (i) => one.value(run.bits[i], i), one.letter));
    arrivals.forEach(([, letters], k) => band(bands.length + k, (i) => (ARRIVALS[letters[i]] || ARRIVALS[" "])[0], (i) => (ARRIVALS[letters[i]] || ARRIVALS[" "])[2]));
    if (!arrivals.length) band(bands.length, (i) => (!run.byStep.has(i) ? "nosource" : run.byStep.get(i).some((d) => d.injected) ? "bad" : "frame"));
    // Functions, where their names fit.
    pen.fillStyle = colours.dim;
    for (let i = first; i < last; ) {
      const name = run.places[i].split("+")[0];
      let j = i + 1;
      while (j < last && run.places[j].split("+")[0] === name) j++;
      const room = Math.floor(((j - i) * cell - 4) / 6.7);
      if (room >= 3) pen.fillText(name.length > room ? name.slice(0, room - 1) + "…" : name, x(i) + 2, HEAD / 2);
      pen.fillRect(x(i), 2, 1, HEAD - 4);
      i = j;
    }
    // The one that is chosen.
    pen.strokeStyle = colours.focus;
    pen.lineWidth = 2;
    pen.strokeRect(x(now), 1, Math.max(cell, 3), canvas.height / scale - 2);
    // Titles on top of what was scrolled under them.
    pen.fillStyle = colours.card;
    pen.fillRect(0, 0, GUTTER, canvas.height / scale);
    pen.fillStyle = colours.dim;
    const titles = [...bands.map((one) => one.title), ...(arrivals.length ? arrivals.map((one) => one[0]) : ["events"])];
    titles.forEach((title, line) => pen.fillText(title, 6, HEAD + line * BAND + BAND / 2));
  }

  function legend() {
    const box = byId("legend");
    box.replaceChildren();
    const add = (colour, text) => {
      const item = make("span");
      const swatch = make("i");
      swatch.style.background = `var(--${colour})`;
      item.append(swatch, document.createTextNode(text));
      box.append(item);
    };
    add("kernel", "the kernel's"); add("user", "the user's");
    if (run.bits.some((b) => b & 512)) add("hypervisor", "the hypervisor");
    if (bands.length > BANDS.length) Object.entries(GUARDS).filter(([key]) => run.guards.includes(key) && key !== " ").forEach(([, [colour, text]]) => add(colour, text));
    add("none", "no stack at all"); add("shared", "shared"); add("on", "interrupts on");
    if (arrivals.length) Object.entries(ARRIVALS).filter(([key]) => key !== " ").forEach(([, [colour, text]]) => add(colour, text));
    else { add("bad", "the event is delivered"); add("frame", "another frame is pushed"); }
  }

  canvas.addEventListener("click", (event) => {
    const i = Math.floor((event.offsetX - GUTTER + byId("map").scrollLeft) / cell);
    if (event.offsetX > GUTTER && i >= 0 && i < run.bits.length) select(i);
  });
  byId("map").addEventListener("scroll", () => requestAnimationFrame(drawMap));

  function zoom(factor) {
    cell = Math.min(24, Math.max(1, cell * factor));
    resizeMap();
    reveal();
  }

  // --- The list: only what can be seen is there ---

  const ROW = 22;
  function drawList() {
    if (!run) return;
    const list = byId("list"), rows = byId("rows");
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4);
    const last = Math.min(run.bits.length, first + Math.ceil(list.clientHeight / ROW) + 8);
    rows.replaceChildren();
    for (let i = first; i < last; i++) {
      const deliveries = run.byStep.get(i) || [];
      const bits = run.bits[i];
      const row = make("div", "step" + (i === now ? " now" : "") + (deliveries.some((d) => d.injected) ? " event" : deliveries.length ? " frame" : bits & 4 ? "" : " waits"));
      row.style.top = `${i * ROW}px`;
      row.dataset.i = i;
      row.id = `step-${i}`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(i === now));
      const chips = make("span", "chips");
      BANDS.forEach((one) => {
        const chip = make("i");
        const value = one.value(bits);
        chip.style.background = `var(--${value})`;
        chip.title = `${one.title}: ${value}`;
        chips.append(chip);
      });
      const what = deliveries.length ? deliveries.map((d) => d.title).join(", then ") + " before " + run.code[i] : run.code[i];
      row.append(make("span", "n", String(i)), chips, make("span", "place", run.places[i]), make("span", "what", what));
      rows.append(row);
    }
  }
  byId("list").addEventListener("scroll", () => requestAnimationFrame(drawList));
  byId("rows").addEventListener("click", (event) => {
    const row = event.target.closest(".step");
    if (row) select(Number(row.dataset.i));
  });

  function reveal() {
    const list = byId("list"), map = byId("map");
    const top = now * ROW;
    if (top < list.scrollTop + ROW) list.scrollTop = Math.max(0, top - 3 * ROW);
    else if (top > list.scrollTop + list.clientHeight - 3 * ROW) list.scrollTop = top - list.clientHeight + 6 * ROW;
    const left = now * cell, room = map.clientWidth - GUTTER;
    if (left < map.scrollLeft || left > map.scrollLeft + room - 2 * cell) map.scrollLeft = Math.max(0, left - room / 3);
  }

  // --- One boundary ---

  function select(index) {
    if (!run) return;
    now = Math.max(0, Math.min(run.bits.length - 1, index));
    reveal();
    drawList();
    drawMap();
    const deliveries = run.byStep.get(now) || [];
    const fates = arrivals.map(([title, letters]) => `${title} ${(ARRIVALS[letters[now]] || ARRIVALS[" "])[1]}`).filter((text) => !text.endsWith(" "));
    byId("here").textContent = `boundary ${now} of ${run.bits.length - 1}: ${run.places[now]}${run.lines[now] ? `, ${run.lines[now]}` : ""}: ` +
      (deliveries.length ? deliveries.map((d) => d.title).join(", then ") : run.code[now]) + (GUARDS[run.guards[now]][1] ? ` [${GUARDS[run.guards[now]][1]}]` : "") + (fates.length ? ` (${fates.join(", ")})` : "");
    byId("list").setAttribute("aria-activedescendant", `step-${now}`);
    drawRegisters();
    drawStack();
    drawBeside();
  }

  function drawRegisters() {
    const box = byId("registers");
    box.replaceChildren();
    const before = now > 0 ? registers[now - 1] : null;
    run.names.forEach((name, i) => {
      const changed = before && before[i] !== registers[now][i];
      const line = make("div", changed ? "changed" : "");
      if (changed) line.title = `was ${hex(before[i])}`;
      line.append(make("span", "dim", name), make("span", "", hex(registers[now][i])));
      box.append(line);
    });
  }

  // What is known of memory by what was written and read before the boundary: value and who wrote it, by the word's address. Going on adds to it.
  let memory = { run: null, upTo: 0, words: new Map() };
  function wordsAt(boundary) {
    if (memory.run !== run || memory.upTo > boundary) memory = { run, upTo: 0, words: new Map() };
    const words = memory.words;
    for (let step = memory.upTo; step < boundary; step++) {
      const list = run.accesses[step];
      for (let k = 0; k < list.length; k += 4) {
        const [writes, address, size, value] = [list[k], BigInt(hex(list[k + 1])), list[k + 2], list[k + 3]];
        const place = address & ~7n;
        const old = words.get(place);
        if (size === 8 && place === address) {
          if (writes || !old) words.set(place, { value, by: writes ? step : null });
        } else if (writes) {
          const shift = (address - place) * 8n, mask = ((1n << BigInt(Math.min(size, 8) * 8)) - 1n) << shift;
          const base = old && old.value !== null ? BigInt(hex(old.value)) : null;
          const part = (BigInt(hex(value)) << shift) & mask;
          words.set(place, { value: base === null ? null : ((base & ~mask) | part).toString(16), by: step });
        }
      }
    }
    memory.upTo = boundary;
    return words;
  }

  function drawStack() {
    const box = byId("stack");
    box.replaceChildren();
    const rsp = BigInt(hex(registers[now][run.names.indexOf("RSP")]));
    const words = wordsAt(now);
    const frames = [];
    run.deliveries.filter((d) => d.step < now).forEach((d) => {
      const at = BigInt(hex(d.frame));
      d.words.forEach((name, i) => frames.push({ at: at + BigInt(i * 8), name, first: i === 0, last: i === d.words.length - 1, title: d.title }));
    });
    const table = make("table");
    for (let at = (rsp & ~7n) + 39n * 8n; at >= (rsp & ~7n) - 16n; at -= 8n) {
      const word = words.get(at);
      const frame = frames.findLast((one) => one.at === at);
      if (!word && !frame && at > rsp + 64n) continue;
      const row = make("tr", (frame ? " frame" : "") + (frame && frame.first ? " frame-end" : "") + (frame && frame.last ? " frame-top" : "") + (at === (rsp & ~7n) ? " top" : ""));
      row.append(make("td", "dim", hex(BigInt.asUintN(64, at).toString(16))));
      row.append(make("td", "", word && word.value !== null ? hex(word.value) : "·"));
      row.append(make("td", "", [at === (rsp & ~7n) ? "← RSP" : "", frame ? frame.name : ""].filter(Boolean).join(" ")));
      const by = make("td", "dim");
      if (word && word.by !== null) {
        const writer = make("button", "written", `${word.by} ${run.places[word.by]}`);
        writer.type = "button";
        writer.title = "who wrote it";
        writer.addEventListener("click", () => select(word.by));
        by.append(writer);
      } else if (word) by.textContent = "there before";
      row.append(by);
      table.append(row);
    }
    box.append(table);
    const own = (run.accesses[now] || []);
    const lines = [];
    for (let k = 0; k < own.length; k += 4) lines.push(`${own[k] ? "writes" : "reads"} ${own[k + 2]} at ${hex(own[k + 1])}: ${hex(own[k + 3])}`);
    byId("accesses").textContent = lines.join("\n") || "nothing";
  }

  // --- The sides of a diff, each on one strip, all on one scale ---

  const STRIP = 7;
  const sides = () => (data.beside.find((list) => list.includes(number)) || []).filter((i) => i >= 0 && sections[i].one.run);
  function drawBeside() {
    const box = byId("beside");
    const shown = sides();
    box.hidden = shown.length < 2;
    if (box.hidden) return;
    const strips = byId("strips");
    if (strips.dataset.of !== shown.join()) {
      strips.dataset.of = shown.join();
      strips.replaceChildren(...shown.map((index) => {
        const line = make("div", "strip"), open = make("button", "", [sections[index].report.kernel, ...sections[index].one.place.slice(0, 2)].join(" · "));
        open.type = "button";
        open.addEventListener("click", () => other(index));
        const picture = make("canvas");
        picture.setAttribute("role", "img");
        picture.setAttribute("aria-label", `${sections[index].one.run.bits.length} boundaries: mode, owners of RSP, GS base and page tables, IF`);
        picture.addEventListener("click", (event) => {
          const i = Math.floor((event.offsetX * longest(shown)) / picture.clientWidth);
          chooseSection(index);
          showCrossingTab();
          select(i);
        });
        line.append(open, picture);
        return line;
      }));
    }
    const scale = window.devicePixelRatio || 1;
    shown.forEach((index, k) => {
      const own = sections[index].one.run, picture = strips.children[k].lastChild, lines = [...BANDS, ...prepared(own)];
      const width = strips.clientWidth, height = lines.length * STRIP, step = width / longest(shown);
      picture.width = width * scale;
      picture.height = height * scale;
      picture.style.width = `${width}px`;
      picture.style.height = `${height}px`;
      const pen = picture.getContext("2d");
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      lines.forEach((one, line) => {
        for (let i = 0; i < own.bits.length; ) {
          const colour = one.value(own.bits[i], i);
          let j = i + 1;
          while (j < own.bits.length && one.value(own.bits[j], j) === colour) j++;
          pen.fillStyle = colours[colour] || colours.card;
          pen.fillRect(i * step, line * STRIP, Math.max((j - i) * step, 1), STRIP - 1);
          i = j;
        }
      });
      if (index === number && own === run) {
        pen.strokeStyle = colours.focus;
        pen.lineWidth = 2;
        pen.strokeRect(now * step, 1, Math.max(step, 2), height - 2);
      }
    });
  }
  const longest = (shown) => Math.max(...shown.map((index) => sections[index].one.run.bits.length));
  const showCrossingTab = () => chooseTab(byId("tabs").children[0]);
  // At the place that has the same name there, the nearest behind or else before; at the beginning where there is none.
  function other(index) {
    const place = run ? run.places[now] : "", base = place.split("+")[0];
    chooseSection(index);
    showCrossingTab();
    const at = run.places.indexOf(place);
    select(at >= 0 ? at : Math.max(0, run.places.findIndex((one) => one.split("+")[0] === base)));
  }
  function otherSide() {
    const shown = sides();
    if (shown.length > 1) other(shown[(shown.indexOf(number) + 1) % shown.length]);
  }

  // --- Keys ---

  function stop() { clearInterval(timer); timer = 0; byId("run").setAttribute("aria-pressed", "false"); byId("run").textContent = "play"; }
  function play() {
    if (timer) return stop();
    byId("run").setAttribute("aria-pressed", "true");
    byId("run").textContent = "pause";
    timer = setInterval(() => (run && now < run.bits.length - 1 ? select(now + 1) : stop()), 125);
  }
  function event(direction) {
    for (let i = now + direction; run && i >= 0 && i < run.bits.length; i += direction) if (run.byStep.has(i)) return select(i);
  }
  function change(direction) {
    for (let i = now + direction; run && i >= 0 && i < run.bits.length; i += direction) {
      if ((run.bits[i] & ~4) !== (run.bits[i - direction] & ~4)) return select(i);
    }
  }
  function theme() {
    const root = document.documentElement;
    const dark = root.classList.contains("dark") || (!root.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
    root.classList.remove("dark", "light");
    root.classList.add(dark ? "light" : "dark");
    readColours();
    drawMap();
    drawBeside();
  }
  function cycle(direction) {
    const tabs = [...byId("tabs").children];
    const at = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    if (tabs.length) chooseTab(tabs[(at + direction + tabs.length) % tabs.length]);
  }
  function otherSection(direction) {
    const at = sections.findIndex((one) => one.one === section);
    chooseSection((at + direction + sections.length) % sections.length);
  }
  const page = () => Math.max(1, Math.floor(byId("list").clientHeight / ROW) - 2);
  const KEYS = {
    ArrowDown: () => select(now + 1), ArrowRight: () => select(now + 1), j: () => select(now + 1),
    ArrowUp: () => select(now - 1), ArrowLeft: () => select(now - 1), k: () => select(now - 1),
    PageDown: () => select(now + page()), PageUp: () => select(now - page()), Home: () => select(0), End: () => select(Infinity),
    e: () => event(1), E: () => event(-1), c: () => change(1), C: () => change(-1), " ": play, t: theme, o: otherSide,
    f: () => cycle(1), F: () => cycle(-1), s: () => otherSection(1), S: () => otherSection(-1), "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = event.target.closest && event.target.closest("button");
    if (onButton && (event.key === " " || event.key === "Enter")) return;
    const act = sections.length || event.key === "t" ? KEYS[event.key] : undefined;
    if (!act) return;
    event.preventDefault();
    if (event.key !== " ") stop();
    act();
  });
  byId("run").addEventListener("click", play);
  byId("back").addEventListener("click", () => { stop(); select(now - 1); });
  byId("on").addEventListener("click", () => { stop(); select(now + 1); });
  byId("next-event").addEventListener("click", () => event(1));
  byId("next-change").addEventListener("click", () => change(1));
  byId("closer").addEventListener("click", () => zoom(1.5));
  byId("farther").addEventListener("click", () => zoom(1 / 1.5));
  byId("theme").addEventListener("click", theme);
  document.querySelectorAll("button[data-section]").forEach((button) => button.addEventListener("click", () => {
    chooseSection(Number(button.dataset.section));
    byId("view").scrollIntoView({ block: "start" });
  }));
  window.addEventListener("resize", () => run && (resizeMap(), drawBeside()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); drawMap(); drawBeside(); });

  readColours();
  const worst = sections.findIndex(({ one }) => one.findings.some((finding) => finding.run));
  const drawn = sections.findIndex(({ one }) => one.run);
  if (sections.length) chooseSection(Math.max(0, worst >= 0 ? worst : drawn));
})();
