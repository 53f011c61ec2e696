"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const data = JSON.parse(byId("data").textContent);
  document.documentElement.classList.add("js");
  for (const id of ["handle", "caption", "keys"]) byId(id).hidden = false;
  document.querySelectorAll(".controls, .reader, [data-show]").forEach((part) => (part.hidden = false));

  // Pictures: which pair is shown, and where the line stands.

  const pairs = [...document.querySelectorAll(".pair")];
  const frames = pairs.map((pair) => Number(pair.dataset.frame));
  const [stage, scroller, handle, chooser] = ["stage", "scroller", "handle", "frame"].map(byId);
  let shown = 0;
  let wipe = 50; // percent of the width that shows A

  function show(place) {
    shown = clamp(place, 0, pairs.length - 1);
    pairs.forEach((pair, index) => pair.classList.toggle("shown", index === shown));
    byId("caption").textContent = pairs[shown].querySelector("figcaption").textContent;
    byId("previous").disabled = shown === 0;
    byId("next").disabled = shown === pairs.length - 1;
    chooser.selectedIndex = shown;
    for (const chart of document.querySelectorAll(".chart")) {
      chart.querySelectorAll(".mark").forEach((mark, index) => mark.classList.toggle("shown", index === shown));
    }
  }

  function setWipe(percent) {
    wipe = clamp(percent, 0, 100);
    stage.style.setProperty("--wipe", `${wipe}%`);
    const rounded = Math.round(wipe);
    handle.setAttribute("aria-valuenow", rounded);
    handle.setAttribute("aria-valuetext", `${rounded} % A, ${100 - rounded} % B`);
  }

  const flip = () => setWipe(wipe > 50 ? 0 : 100);

  function nearestPair(frame) {
    const away = frames.map((other) => Math.abs(other - frame));
    return away.indexOf(Math.min(...away));
  }

  function followPointer(event) {
    const box = stage.getBoundingClientRect();
    setWipe((100 * (event.clientX - box.left)) / box.width);
  }

  function keepLineInView() {
    const place = (stage.offsetWidth * wipe) / 100 - scroller.scrollLeft;
    if (place < 0 || place > scroller.clientWidth) scroller.scrollLeft += place - scroller.clientWidth / 2;
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true, focusVisible: false });
    followPointer(event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) followPointer(event);
  });

  handle.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = event.shiftKey ? 10 : 1;
    const actions = {
      ArrowLeft: () => setWipe(wipe - step),
      ArrowRight: () => setWipe(wipe + step),
      Home: () => setWipe(0),
      End: () => setWipe(100),
      ArrowUp: () => show(shown - 1),
      ArrowDown: () => show(shown + 1),
      " ": flip,
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
    keepLineInView();
  });

  byId("previous").addEventListener("click", () => show(shown - 1));
  byId("next").addEventListener("click", () => show(shown + 1));
  byId("flip").addEventListener("click", flip);
  chooser.addEventListener("change", () => show(chooser.selectedIndex));
  byId("zoom").addEventListener("change", (event) => {
    const zoom = Number(event.target.value);
    scroller.classList.toggle("large", zoom > 0);
    scroller.tabIndex = zoom > 0 ? 0 : -1; // where it can scroll, keys must reach it
    stage.style.setProperty("--zoom", zoom);
  });
  for (const button of document.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => {
      show(frames.indexOf(Number(button.dataset.show)));
      scroller.scrollIntoView({ block: "nearest" });
      handle.focus({ preventScroll: true });
    });
  }

  const first = pairs[0].querySelector("img");
  const [width, height] = ["width", "height"].map((name) => Number(first.getAttribute(name)));
  stage.style.setProperty("--width", width);
  stage.style.setProperty("--ratio", width / height);
  setWipe(50);
  show(frames.indexOf(data.first));

  // Curves: a cursor that the pointer and the slider below move, and what it reads.

  const reader = byId("reader");
  if (!reader) return;
  const charts = [...document.querySelectorAll(".chart")];

  function say(name, digits, unit) {
    const curve = data[name.toLowerCase()];
    if (!curve) return "";
    const [frame, value] = curve[reader.value];
    const number = value === null ? "equal" : `${value.toFixed(digits)}${unit}`;
    return data.group > 1 ? `lowest ${name} ${number} (frame ${frame})` : `${name} ${number}`;
  }

  function read(place) {
    reader.value = place;
    const begin = reader.value * data.group;
    const end = Math.min(begin + data.group, data.frames) - 1;
    const which = end > begin ? `Frames ${begin} to ${end}` : `Frame ${begin}`;
    const text = `${which}: ${[say("PSNR", 2, " dB"), say("SSIM", 5, "")].filter(Boolean).join(", ")}`;
    byId("reading").textContent = text;
    reader.setAttribute("aria-valuetext", text);
    for (const chart of charts) {
      const { x, y } = chart.querySelector(".curve").points[reader.value];
      const [line, dot] = chart.querySelectorAll(".cursor");
      for (const part of [line, dot]) part.removeAttribute("hidden");
      for (const name of ["x1", "x2"]) line.setAttribute(name, `${x / 10}%`);
      dot.setAttribute("cx", `${x / 10}%`);
      dot.setAttribute("cy", `${y}%`);
    }
  }

  function frameBelow(event) {
    const box = event.currentTarget.getBoundingClientRect();
    return clamp((event.clientX - box.left) / box.width, 0, 1) * (data.frames - 1);
  }

  for (const chart of charts) {
    chart.addEventListener("pointermove", (event) => read(Math.floor((frameBelow(event) + 0.5) / data.group)));
    chart.addEventListener("click", (event) => show(nearestPair(frameBelow(event))));
  }
  reader.addEventListener("input", () => read(reader.value));
  read(Math.floor(data.first / data.group));
  reader.addEventListener("keydown", (event) => {
    if (event.key === "Enter") show(nearestPair(data.psnr[reader.value][0]));
  });
})();
