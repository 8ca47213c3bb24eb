import { $, $$, api, data, el, fail, prefix, Problem, run, say, send } from "./app.js"

const { items, shootout } = data("state")
const of = kind => items.filter(item => item.kind === kind)
const nameOf = id => items.find(item => item.id === id)?.name || "?"
const root = $("#builder")
let config = shootout?.config || {
  schema: 1, title: "Shootout", level: { target_lufs: -16, ceiling_dbtp: -1 }, output: { plots: true, video: true },
  di_tracks: of("di_track").slice(0, 1).map(item => ({ name: item.name, asset: item.id })), chains: [], grid: null,
}
let tag = shootout?.etag, id = shootout?.id, isSaved = Boolean(shootout)

// --- Fields ----------------------------------------------------------------------------------------------------

const number = (name, label, min, max, step, given) => ({ name, label, min, max, step, given })
const choice = (name, label, values) => ({ name, label, values })
const CHANNELS = choice("channel", "Side of a stereo file", ["", "left", "right", "mean"])
const GEAR = ["", "amp", "amp_cab", "pedal", "pedal_amp", "amp_pedal_cab", "preamp", "studio"]
const MIX = given => number("mix", "Mix, 0 to 1", 0, 1, 0.05, given)
const BLOCKS = {
  capture: { name: "Capture", fields: [number("input_gain_db", "Input gain, dB", -60, 60, 0.5, 0), number("size", "Size, 0 to 1", 0, 1, 0.05), choice("gear", "Gear", GEAR)] },
  cab_ir: { name: "Cab IR", fields: [MIX(1), number("low_cut_hz", "Low cut, Hz", 1, 96000, 1), number("high_cut_hz", "High cut, Hz", 1, 96000, 1), CHANNELS] },
  gain: { name: "Gain", fields: [number("gain_db", "Gain, dB", -60, 60, 0.5, 0)] },
  eq: { name: "Equalizer", fields: [] },
  compressor: { name: "Compressor", fields: [number("threshold_db", "Threshold, dBFS", -60, 0, 1, -24), number("ratio", "Ratio", 1, 100, 0.5, 4), number("attack_ms", "Attack, ms", 0.1, 500, 0.1, 10), number("release_ms", "Release, ms", 1, 5000, 1, 120)] },
  noise_gate: { name: "Noise gate", fields: [number("threshold_db", "Threshold, dBFS", -100, 0, 1, -60)] },
  delay: { name: "Delay", fields: [number("time_ms", "Time, ms", 1, 5000, 1, 380), number("feedback", "Feedback", 0, 0.95, 0.05, 0.3), MIX(0.25)] },
  reverb: { name: "Reverb", fields: [choice("reverb_type", "Type", ["room", "hall", "plate", "spring"]), MIX(0.2), number("decay_s", "Decay, s", 0.1, 10, 0.1, 1.2)] },
}
const BAND = [choice("type", "Filter", ["highpass", "lowpass", "low_shelf", "high_shelf", "peak"]), number("frequency_hz", "Frequency, Hz", 1, 96000, 1, 1000), number("gain_db", "Gain, dB", -24, 24, 0.5, 0), number("q", "Q", 0.1, 20, 0.1, 0.707)]
const DI = [number("start_s", "Start, s", 0, 36000, 0.1, 0), number("end_s", "End, s", 0, 36000, 0.1), number("calibration_dbu", "dBu at 0 dBFS", -60, 60, 0.1), CHANNELS]

const field = function (holder, { name, label, min, max, step, values }) {
  const set = value => { holder[name] = value; changed() }
  const control = values
    ? el("select", { onchange: event => set(event.target.value || null) },
      ...values.map(value => el("option", { value, selected: (holder[name] || "") === value }, value.replaceAll("_", " ") || "automatic")))
    : el("input", { type: "number", min, max, step: "any", value: holder[name] ?? "", inputMode: "decimal",
      oninput: event => set(event.target.value === "" ? null : Number(event.target.value)) })
  return el("label", { "data-field": name }, label + " ", control)
}

const text = (holder, name, label, maxLength) => el("label", { className: "grow", "data-field": name }, label + " ",
  el("input", { value: holder[name] || "", maxLength, oninput: event => { holder[name] = event.target.value; changed() } }))

const asset = function (holder, kind, label) {
  if (holder.tone3000) return el("span", {}, "TONE3000 model " + holder.tone3000.model_id)
  return el("label", { className: "grow", "data-field": "asset" }, label + " ", el("select", {
    onchange: event => { holder.asset = event.target.value; changed() },
  }, ...of(kind).map(item => el("option", { value: item.id, selected: item.id === holder.asset }, item.name))))
}

const button = (label, onclick, given = {}) => el("button", { type: "button", className: "quiet small", onclick, ...given }, given.text || label)

// --- Lists: move by buttons, Alt and arrows, or the handle; delete with undo -------------------------------------

const move = function (list, from, to, pointer) {
  if (to < 0 || to >= list.length) return
  list.splice(to, 0, ...list.splice(from, 1))
  draw(pointer + "/" + to)
  announce("Moved to position " + (to + 1) + " of " + list.length + ".")
}

const remove = function (list, at, what, pointer) {
  const [gone] = list.splice(at, 1)
  draw(list.length ? pointer + "/" + Math.min(at, list.length - 1) : null)
  say(what + " is removed.", { label: "Undo", action: () => { list.splice(at, 0, gone); draw(pointer + "/" + at) } })
}

const announce = words => { $("#announcer").textContent = words }

const tools = (list, at, what, pointer) => el("span", { className: "row" },
  button("Move " + what + " up", () => move(list, at, at - 1, pointer), { text: "↑", disabled: at === 0, "aria-label": "Move " + what + " up" }),
  button("Move " + what + " down", () => move(list, at, at + 1, pointer), { text: "↓", disabled: at === list.length - 1, "aria-label": "Move " + what + " down" }),
  button("Remove", () => remove(list, at, what, pointer), { text: "Remove", "aria-label": "Remove " + what }))

const entry = function (list, at, what, pointer, ...content) {
  const made = el("li", { className: "card", tabIndex: -1, "data-pointer": pointer + "/" + at, "data-list": pointer, "data-at": at }, ...content)
  made.addEventListener("keydown", event => {
    if (event.target.closest("[data-pointer]") !== made) return
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault()
      move(list, at, at + (event.key === "ArrowUp" ? -1 : 1), pointer)
    } else if (event.key === "Delete" && !event.target.matches("input, select, textarea")) remove(list, at, what, pointer)
  })
  const handle = $(".handle", made)
  if (handle?.closest("[data-pointer]") === made) {
    handle.onpointerdown = event => { event.preventDefault(); handle.setPointerCapture(event.pointerId) }
    handle.onpointermove = event => {
      if (!handle.hasPointerCapture(event.pointerId)) return
      for (const each of $$(".over", root)) each.classList.remove("over")
      over(event, pointer)?.classList.add("over")
    }
    handle.onpointerup = event => { const target = over(event, pointer); if (target && target !== made) move(list, at, Number(target.dataset.at), pointer) }
  }
  return made
}

const over = (event, pointer) => document.elementFromPoint(event.clientX, event.clientY)?.closest('[data-list="' + pointer + '"]')

// --- Drawing ---------------------------------------------------------------------------------------------------

const trackEntry = (track, at) => entry(config.di_tracks, at, track.name, "/di_tracks",
  el("div", { className: "row" }, asset(track, "di_track", "File"), text(track, "name", "Name", 80), tools(config.di_tracks, at, track.name, "/di_tracks")),
  el("details", {}, el("summary", {}, "Part, level, side"), el("div", { className: "row" }, ...DI.map(each => field(track, each)))))

const bands = block => el("div", {}, ...block.bands.map((band, at) => el("div", { className: "row" }, ...BAND.map(each => field(band, each)),
  button("Remove filter", () => { block.bands.splice(at, 1); draw() }, { disabled: block.bands.length === 1 }))),
button("Add a filter", () => { block.bands.push({ type: "peak", frequency_hz: 1000, gain_db: 0, q: 0.707 }); draw() }))

const blockEntry = function (chain, chainAt, block, at) {
  const kind = BLOCKS[block.type], pointer = "/chains/" + chainAt + "/blocks"
  const what = kind ? kind.name : block.type
  const options = kind?.fields.map(each => field(block, each)) || []
  return entry(chain.blocks, at, what, pointer,
    el("div", { className: "row" },
      el("span", { className: "handle", title: "Drag to move", "aria-hidden": "true" }, "⠿"),
      el("strong", {}, what),
      block.type === "capture" || block.type === "cab_ir" ? asset(block, block.type, "File") : el("span", { className: "grow" }),
      tools(chain.blocks, at, what + " " + (at + 1), pointer)),
    block.type === "eq" ? bands(block) : options.length > 0 && el("details", { open: block.type !== "capture" && block.type !== "cab_ir" },
      el("summary", {}, "Settings"), el("div", { className: "row" }, ...options)),
    el("label", {}, el("input", { type: "checkbox", checked: Boolean(block.bypass), onchange: event => { block.bypass = event.target.checked; changed() } }), " Bypass"))
}

const newBlock = function (type) {
  const made = { type }
  for (const { name, given, values } of BLOCKS[type].fields) if (given !== undefined) made[name] = given; else if (values && values[0]) made[name] = values[0]
  if (type === "eq") made.bands = [{ type: "highpass", frequency_hz: 80, gain_db: 0, q: 0.707 }]
  if (type === "capture" || type === "cab_ir") made.asset = of(type)[0]?.id
  return made
}

const adder = function (label, choices, onAdd) {
  const select = el("select", {}, ...choices.map(([value, name]) => el("option", { value }, name)))
  return el("p", { className: "row" }, el("label", {}, label + " ", select), button("Add", () => onAdd(select.value), { "aria-label": label, disabled: !choices.length }))
}

const chainEntry = (chain, at) => entry(config.chains, at, chain.name, "/chains",
  el("div", { className: "row" }, text(chain, "name", "Name of the chain", 80), field(chain, number("trim_db", "Trim, dB", -12, 12)),
    button("Duplicate", () => { config.chains.splice(at + 1, 0, { ...structuredClone(chain), name: chain.name + " (2)" }); draw("/chains/" + (at + 1)) }),
    tools(config.chains, at, chain.name, "/chains")),
  el("ol", { className: "plain", "aria-label": "Blocks of " + chain.name }, ...chain.blocks.map((block, each) => blockEntry(chain, at, block, each))),
  adder("New block", Object.entries(BLOCKS).filter(([type]) => (type !== "capture" && type !== "cab_ir") || of(type).length).map(([type, { name }]) => [type, name]), type => {
    chain.blocks.push(newBlock(type))
    draw("/chains/" + at + "/blocks/" + (chain.blocks.length - 1))
  }))

const idOf = part => part.asset || part
const checks = (axis, kind, label) => el("fieldset", { "data-pointer": "/grid/" + axis }, el("legend", {}, label), ...of(kind).map(item => el("p", {}, el("label", {}, el("input", {
  type: "checkbox",
  checked: (config.grid?.[axis] || []).some(part => idOf(part) === item.id),
  onchange: event => {
    const grid = config.grid ||= { captures: [], cab_irs: [] }
    grid[axis] = event.target.checked ? [...grid[axis] || [], item.id] : grid[axis].filter(part => idOf(part) !== item.id)
    if (!(grid.pedals?.length || grid.captures?.length || grid.cab_irs?.length)) config.grid = null
    changed()
  },
}), " " + item.name))), !of(kind).length && el("p", { className: "hint" }, "None in the library."))

const draw = function (focus) {
  root.replaceChildren(
    el("form", { onsubmit: event => event.preventDefault() },
      el("div", { className: "row" }, text(config, "title", "Title", 120), field(config.level, number("target_lufs", "Loudness, LUFS", -40, -5)),
        field(config.level, number("ceiling_dbtp", "Highest true peak, dBTP", -20, 0)),
        el("label", {}, el("input", { type: "checkbox", checked: config.output.video, onchange: event => { config.output.video = event.target.checked; changed() } }), " Video")),
      el("section", { "data-pointer": "/di_tracks" }, el("h2", {}, "DI tracks"), el("ol", { className: "plain" }, ...config.di_tracks.map(trackEntry)),
        adder("New DI track", of("di_track").map(item => [item.id, item.name]), chosen => { config.di_tracks.push({ name: nameOf(chosen), asset: chosen }); draw("/di_tracks/" + (config.di_tracks.length - 1)) })),
      el("section", { "data-pointer": "/grid" }, el("h2", {}, "Grid"), el("p", { className: "hint" }, "Every chosen capture with every chosen cabinet becomes a chain."),
        el("div", { className: "columns" }, checks("captures", "capture", "Captures"), checks("cab_irs", "cab_ir", "Cab IRs"))),
      el("section", { "data-pointer": "/chains" }, el("h2", {}, "Chains of your own"), el("p", { className: "hint" }, "Move blocks by the handle, the arrows, or Alt with ↑ and ↓. Delete removes."),
        el("ol", { className: "plain" }, ...config.chains.map(chainEntry)),
        button("Add a chain", () => {
          const blocks = ["capture", "cab_ir"].filter(type => of(type).length).map(newBlock)
          config.chains.push({ name: "Chain " + (config.chains.length + 1), blocks: blocks.length ? blocks : [newBlock("gain")] })
          draw("/chains/" + (config.chains.length - 1))
        }))),
    el("p", { id: "announcer", className: "skip", "aria-live": "polite" }),
    el("section", { className: "card", "aria-labelledby": "plan" }, el("h2", { id: "plan" }, "Plan"), el("div", { id: "result" }),
      el("p", { className: "row" },
        el("button", { type: "button", id: "render", onclick: run(render) }, "Render"),
        el("button", { type: "button", className: "quiet", onclick: run(save) }, "Save"),
        el("label", { className: "button" }, "Import TOML", el("input", { type: "file", accept: ".toml", className: "skip", id: "import", onchange: run(load) })),
        id && el("a", { className: "button", href: prefix + "/api/v1/shootouts/" + id + "/spec", download: "" }, "Export TOML"))))
  if (focus) $('[data-pointer="' + focus + '"]', root)?.focus()
  changed()
}

// --- Checks while typing ---------------------------------------------------------------------------------------

let timer = null, checking = 0

const changed = function () {
  clearTimeout(timer)
  timer = setTimeout(() => check().catch(fail), 350)
}

// The element that a JSON pointer leads to, or the nearest around it.
const place = function (pointer) {
  for (let path = pointer.replace(/^\/config/, ""); path; path = path.slice(0, path.lastIndexOf("/"))) {
    const found = $('[data-pointer="' + path + '"]', root)
    if (found) return found
  }
  return root
}

const show = function ({ errors = [], notices = [], plan }) {
  for (const each of $$(".fault", root)) each.remove()
  for (const each of $$("[aria-invalid]", root)) each.removeAttribute("aria-invalid")
  const summary = errors.map((error, at) => {
    const target = place(error.pointer || "")
    const control = $('[data-field="' + (error.pointer || "").split("/").pop() + '"] :is(input, select)', target)
    control?.setAttribute("aria-invalid", "true")
    const fault = el("p", { className: "error fault", id: "fault-" + at }, error.detail)
    if (target === root) $("form", root).prepend(fault)
    else target.append(fault)
    return el("li", {}, el("a", { href: "#fault-" + at, onclick: event => { event.preventDefault(); (control || target).focus(); target.scrollIntoView({ block: "center" }) } }, error.detail))
  })
  const seconds = plan && (plan.estimated_s < 1 ? "less than a second" : "about " + Math.ceil(plan.estimated_s) + " s")
  $("#render").disabled = !plan
  $("#result").replaceChildren(...[
    plan && el("p", { id: "cost" }, plan.segments.length + " result" + (plan.segments.length === 1 ? "" : "s") + ", " + plan.audio_s.toFixed(1) + " s of sound, " + seconds + " to render on one core. " +
      (plan.cache_hits ? plan.cache_hits + " rendered before." : "")),
    summary.length > 0 && el("div", { role: "alert" }, el("p", { className: "bad" }, summary.length === 1 ? "One error:" : summary.length + " errors:"), el("ul", {}, ...summary)),
    notices.length > 0 && el("ul", { "aria-label": "Notices" }, ...notices.map(notice => el("li", { className: "facts" }, notice.detail))),
  ].filter(Boolean))
}

const check = async function () {
  const mine = ++checking
  if (!config.di_tracks.length || !(config.chains.length || config.grid)) {
    return show({ errors: [], notices: [{ detail: "Choose a DI track, and captures and cab IRs of the grid or a chain." }] })
  }
  let result
  try {
    result = await api("POST", "/shootouts/validate", { config })
  } catch (error) {
    if (!(error instanceof Problem) || !error.errors.length) throw error
    result = { errors: error.errors }
  }
  if (mine === checking) show(result)
}

// --- Save, render, import --------------------------------------------------------------------------------------

const store = async function (path, method, body) {
  const answer = await send(path, { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...(tag && { "If-Match": tag }) } })
  const content = await answer.json()
  if (!answer.ok) {
    if (content.errors?.length) show(content)
    throw new Problem(answer.status, content)
  }
  tag = answer.headers.get("ETag")
  isSaved = true
  return content
}

const save = async function () {
  if (isSaved) await store("/shootouts/" + id, "PATCH", { config: { ...config, grid: config.grid || null } })
  else {
    id = (await store("/shootouts", "POST", { config })).id
    history.replaceState(null, "", prefix + "/shootouts/" + id)
    draw()
  }
  say("Saved.")
}

const render = async function () {
  if (isSaved) await save()
  const job = isSaved ? await api("POST", "/shootouts/" + id + "/jobs") : (await store("/shootouts", "POST", { config, submit: true })).job
  location.assign(prefix + "/jobs/" + job.id)
}

const load = async function (event) {
  const file = event.target.files[0]
  if (!file) return
  const read = await api("POST", "/shootouts/spec", { spec: await file.text() })
  config = { title: "Shootout", chains: [], grid: null, ...read.config }
  config.level = { target_lufs: -16, ceiling_dbtp: -1, ...config.level }
  config.output = { plots: true, video: true, ...config.output }
  draw()
  say("“" + file.name + "” is loaded." + (read.missing.length ? " Not in the library: " + read.missing.join(", ") + "." : ""))
}

draw()
if (location.hash.startsWith("#/")) place(location.hash.slice(1)).focus()
