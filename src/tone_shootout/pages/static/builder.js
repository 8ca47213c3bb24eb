import { $, $$, api, data, el, fail, prefix, Problem, run, say, send } from "./app.js"

const { shootout, errors: failed = [] } = data("state")
const root = $("#builder")

// --- Fields: the controls in the templates have the names of the fields of the spec

const copy = name => $("#" + name).content.firstElementChild.cloneNode(true)

const valueOf = function ({ type, value, checked }) {
  if (type === "checkbox") return checked
  if (type === "text") return value
  return value === "" ? null : type === "number" ? Number(value) : value
}

// The values in a template: the fields of a new entry.
const defaults = name => Object.fromEntries($$("[name]", $("#" + name).content)
  .map(control => [control.name, valueOf(control)]).filter(([, value]) => value || value === 0))

const connect = function (control, holder) {
  const { name } = control
  if (control.type === "checkbox") control.checked = Boolean(holder[name])
  else if (control.type !== "select-one" || holder[name]) control.value = holder[name] ?? ""
  control.addEventListener("input", () => { holder[name] = valueOf(control); changed() })
}

// A copy of a template whose controls show and change an object.
const bound = function (template, holder) {
  const made = copy(template)
  for (const control of $$("[name]", made)) connect(control, holder)
  if (holder.tone3000) $("[name=asset]", made).parentElement.replaceWith("TONE3000 model " + holder.tone3000.model_id)
  return made
}

const firstTrack = function () {
  const made = defaults("track")
  return made.asset ? [{ ...made, name: $("[name=asset]", $("#track").content).selectedOptions[0].text }] : []
}

let config = shootout?.config || {
  schema: 1, title: "Shootout", level: { target_lufs: -16, ceiling_dbtp: -1 }, output: { plots: true, video: true }, video: {},
  di_tracks: firstTrack(), chains: [], grid: null,
}
let tag = shootout?.etag, id = shootout?.id, isSaved = Boolean(shootout)

// --- Lists: move by buttons, Alt and arrows, or the handle; delete with undo

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

const over = (event, pointer) => document.elementFromPoint(event.clientX, event.clientY)?.closest('[data-list="' + pointer + '"]')

// An entry of a list, with the tools that its template has. `what` is its name in words.
const entry = function (template, list, at, pointer, what) {
  const made = bound(template, list[at])
  Object.assign(made.dataset, { pointer: pointer + "/" + at, list: pointer, at })
  const act = by => by ? move(list, at, at + by, pointer) : remove(list, at, what, pointer)
  for (const button of $$("[data-by]", made)) {
    const by = Number(button.dataset.by)
    button.ariaLabel = button.ariaLabel.replace("…", what)
    button.disabled = by !== 0 && !list[at + by]
    button.onclick = () => act(by)
  }
  made.addEventListener("keydown", event => {
    if (event.target.closest("[data-pointer]") !== made) return
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault()
      act(event.key === "ArrowUp" ? -1 : 1)
    } else if (event.key === "Delete" && !event.target.matches("input, select, textarea")) act(0)
  })
  const handle = $(".handle", made)
  if (handle) {
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

// --- Drawing

const newBlock = type => ({ type, ...defaults("block-" + type), ...(type === "eq" && { bands: [{ ...defaults("band"), type: "highpass", frequency_hz: 80 }] }) })

const bandEntry = function (block, at) {
  const made = bound("band", block.bands[at])
  $("button", made).disabled = block.bands.length === 1
  $("button", made).onclick = () => { block.bands.splice(at, 1); draw() }
  return made
}

const blockEntry = function (chainAt, blocks, at) {
  const block = blocks[at], known = $("#block-" + block.type)
  const name = known ? $("strong", known.content).textContent : block.type
  const made = entry(known ? known.id : "block-other", blocks, at, "/chains/" + chainAt + "/blocks", name + " " + (at + 1))
  $("strong", made).textContent = name
  if (block.type === "eq") {
    $(".bands", made).append(...block.bands.map((_, each) => bandEntry(block, each)))
    $(".add-band", made).onclick = () => { block.bands.push(defaults("band")); draw() }
  }
  return made
}

const chainEntry = function (chain, at) {
  const made = entry("chain", config.chains, at, "/chains", chain.name)
  $(".duplicate", made).onclick = () => {
    config.chains.splice(at + 1, 0, { ...structuredClone(chain), name: chain.name + " (2)" })
    draw("/chains/" + (at + 1))
  }
  $("ol", made).ariaLabel = "Blocks of " + chain.name
  $("ol", made).append(...chain.blocks.map((_, each) => blockEntry(at, chain.blocks, each)))
  $(".add-block", made).onclick = () => {
    chain.blocks.push(newBlock($(".new-block", made).value))
    draw("/chains/" + at + "/blocks/" + (chain.blocks.length - 1))
  }
  return made
}

const addTrack = function () {
  const { value, selectedOptions } = $("#new-track")
  config.di_tracks.push({ name: selectedOptions[0].text, asset: value })
  draw("/di_tracks/" + (config.di_tracks.length - 1))
}

const addChain = function () {
  const types = ["capture", "cab_ir"].filter(type => defaults("block-" + type).asset)
  config.chains.push({ name: "Chain " + (config.chains.length + 1), blocks: (types.length ? types : ["gain"]).map(newBlock) })
  draw("/chains/" + (config.chains.length - 1))
}

// A capture or a cab IR of the grid.
const connectChoice = function (box) {
  const { axis } = box.dataset, idOf = part => part.asset || part
  box.checked = (config.grid?.[axis] || []).some(part => idOf(part) === box.value)
  box.onchange = () => {
    const grid = config.grid ||= { captures: [], cab_irs: [] }
    grid[axis] = box.checked ? [...grid[axis] || [], box.value] : grid[axis].filter(part => idOf(part) !== box.value)
    if (!(grid.pedals?.length || grid.captures?.length || grid.cab_irs?.length)) config.grid = null
    changed()
  }
}

const draw = function (focus) {
  root.replaceChildren($("#editor").content.cloneNode(true))
  for (const control of $$("[data-part]", root)) connect(control, config[control.dataset.part] || config)
  for (const box of $$("[data-axis]", root)) connectChoice(box)
  $("#tracks").append(...config.di_tracks.map((track, at) => entry("track", config.di_tracks, at, "/di_tracks", track.name)))
  $("#chains").append(...config.chains.map(chainEntry))
  for (const [button, act] of [["#add-track", addTrack], ["#add-chain", addChain], ["#render", run(render)], ["#save", run(save)], ["#export", run(download)]]) $(button).onclick = act
  $("form", root).onsubmit = event => event.preventDefault()
  $("#import").onchange = run(load)
  if (focus) $('[data-pointer="' + focus + '"]', root)?.focus()
  changed()
}

// --- Checks while typing

let timer = null, checking = 0, isDrawn = false

const changed = function () {
  if (isDrawn) failed.length = 0 // the errors of the job that led here are of what it was
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

const show = function ({ errors: found = [], notices = [], plan }) {
  const errors = [...failed, ...found]
  for (const each of $$(".fault", root)) each.remove()
  for (const each of $$("[aria-invalid]", root)) each.removeAttribute("aria-invalid")
  const summary = errors.map((error, at) => {
    const target = place(error.pointer || "")
    const control = $('[name="' + (error.pointer || "").split("/").pop() + '"]', target)
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

// --- Save, render, import

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

// What is downloaded is what is stored.
const download = async function () {
  await save()
  location.assign(prefix + "/api/v1/shootouts/" + id + "/spec")
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
isDrawn = true
if (location.hash.startsWith("#/")) place(location.hash.slice(1)).focus()
