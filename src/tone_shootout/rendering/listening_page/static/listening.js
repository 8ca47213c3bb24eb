// The listening page: what people see and press, on top of the deck of sound.js and the drawings of charts.js.
"use strict"

window.ToneShootout.page = (function () {
const { Deck, load, readByFetch, readByScript, charts } = window.ToneShootout
const data = JSON.parse(document.getElementById("shootout").textContent)
const rate = data.sample_rate_hz
const SHORTEST_LOOP = Math.round(0.05 * rate)
const AHEAD_S = 1.3 // how early a rotation is scheduled: timers of hidden tabs fire once a second
const DRAG_PX = 5
const still = matchMedia("(prefers-reduced-motion: reduce)")
const $ = id => document.getElementById(id)
const read = name => (data.home.fetch ? readByFetch : readByScript)(data.home.files + name, name, data.home.renew)
const segmentsOf = track => data.segments.filter(segment => segment.track === track)
const segment = position => data.segments[position - 1]
const keyOf = position => segmentsOf(segment(position).track).findIndex(each => each.position === position) + 1
const label = position => `${keyOf(position)}. ${segment(position).chain}`

const state = {
  track: -1, a: 0, b: 0, heard: "a", loop: null, looping: false, first: 0, last: 0, playing: false, wanted: false,
  turn: 0, generation: 0, spoken: -1,
}
let context = null
let deck = null

const clock = function (samples, digits = 1) {
  const seconds = Math.max(0, samples) / rate
  const minutes = Math.floor(seconds / 60)
  return `${minutes}:${(Math.floor((seconds - 60 * minutes) * 10 ** digits) / 10 ** digits).toFixed(digits).padStart(digits ? 3 + digits : 2, "0")}`
}

const samplesOf = () => data.tracks[state.track].samples
const heard = () => state[state.heard]
const isAvailable = tone => !state.buffers || state.buffers.has(tone)
const position = () => (deck ? deck.positionAt(deck.now()) : state.resting)

const say = function (text) {
  $("message").textContent = text
  $("message").hidden = !text
}

// --- Tones

const known = found => found && found.samples !== null
// Everything that depends on A, B and which of them is heard.
const showPair = function () {
  for (const each of segmentsOf(state.track)) {
    const row = $(`row-${each.position}`)
    const slots = ["a", "b"].filter(slot => state[slot] === each.position).join("").toUpperCase()
    row.classList.toggle("heard", each.position === heard())
    row.querySelector("input").checked = each.position === heard()
    row.querySelector(".in").textContent = slots
    row.querySelector("button").setAttribute("aria-pressed", String(state.b === each.position))
  }
  for (const slot of ["a", "b"]) {
    $(`hear-${slot}`).setAttribute("aria-pressed", String(state.heard === slot))
    for (const part of ["name", "spectra"]) $(`${part}-${slot}`).textContent = label(state[slot])
  }
  drawWave()
  drawSpectra()
  for (const cell of document.querySelectorAll(".matrix td button")) {
    const { a, b } = cell.parentElement.dataset
    cell.setAttribute("aria-pressed", String(Number(a) === state.a && Number(b) === state.b))
  }
}

const hear = function (at) {
  deck?.choose(heard(), at)
  $("announced").textContent = `${state.heard.toUpperCase()}: ${label(heard())}`
  showPair()
}

// Put a tone in a slot; `listen`: and hear it.
const put = function (slot, tone, listen = false) {
  if (!isAvailable(tone)) return
  state[slot] = tone
  if (listen) state.heard = slot
  restartTurn()
  hear()
}

const toggle = function (slot) {
  state.heard = slot ?? (state.heard === "a" ? "b" : "a")
  restartTurn()
  hear()
}

const neighbor = function (by) {
  const all = segmentsOf(state.track).map(each => each.position).filter(isAvailable)
  return all[(all.indexOf(heard()) + by + all.length) % all.length]
}

// --- Rotation: switches are scheduled on the clock of the sound, a timer only plans ahead

const restartTurn = () => { state.turn = 0 }

const planTurn = function () {
  if (!$("rotate").checked || !deck || !deck.set || context.state !== "running") return
  const now = deck.now()
  const every = Number($("rotate-s").value) * rate
  if (!state.turn) state.turn = Math.max(now, deck.set.time) + every
  if (deck.scheduled && deck.scheduled.time > now) return
  if (deck.selected !== heard()) { // the scheduled switch has happened
    state[state.heard] = deck.selected
    $("announced").textContent = `${state.heard.toUpperCase()}: ${label(heard())}`
    showPair()
  }
  if (state.turn - now < AHEAD_S * rate && segmentsOf(state.track).length > 1) {
    state.turn = deck.choose(neighbor(1), Math.max(state.turn, now + deck.lead)) + every
  }
}

// --- Playing

const showPlaying = function () {
  state.playing = Boolean(deck && deck.set)
  $("play-word").textContent = state.playing ? "Pause" : "Play"
  $("play-sign").textContent = state.playing ? "❚❚" : "▶"
  if (state.playing) requestAnimationFrame(tick)
  showHead(true)
}

const ready = async function () {
  if (!context) {
    context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" })
    context.onstatechange = () => {
      // A call or another program has taken the sound.
      if (context.state !== "running" && state.playing) say("The browser has suspended the sound. Press Play to go on.")
      else say("")
    }
  }
  if (context.state !== "running") await Promise.race([context.resume(), new Promise(resolve => setTimeout(resolve, 1000))])
  if (context.state !== "running") {
    say("The browser does not allow sound yet. Press Play again.")
    return false
  }
  const latency = context.outputLatency || context.baseLatency
  $("device").textContent = latency ? `Sound leaves this device about ${Math.round(1000 * latency)} ms after it is played.` : ""
  return true
}

const play = async function () {
  if (deck && deck.set && context.state === "running") {
    state.wanted = false
    deck.stop()
    return showPlaying()
  }
  state.wanted = true
  if (!(await ready()) || !state.wanted || !state.buffers) return
  const fresh = attach()
  if (!deck.set) deck.play(fresh ? state.resting : undefined)
  restartTurn()
  say("")
  showPlaying()
}

// Stop, and resolve to whether the context can play for another deck.
const pause = function () {
  state.wanted = false
  deck?.stop()
  showPlaying()
  return ready()
}

// The deck of the loaded tones in the live context, made in the first gesture.
const attach = function () {
  if (deck) return false
  deck = new Deck(context, state.buffers, {
    first: state.first, last: state.last, selected: heard(), resting: state.resting,
    compensate: { latency: $("latency").checked, polarity: $("polarity").checked },
  })
  deck.onfinish = () => { state.wanted = false; showPlaying() }
  applyLoop()
  return true
}

const seek = function (to) {
  const target = Math.min(Math.max(0, Math.round(to)), samplesOf() - 1)
  if (target < state.first || target >= state.last) return enterRegion(target)
  state.resting = target
  deck?.seek(Math.min(target, deck.last - 1))
  restartTurn()
  showHead(true)
}

// --- Loop

const applyLoop = function () {
  if (!deck) return
  const [from, to] = state.loop
  deck.setLoop(state.looping && to <= deck.last && from >= deck.first ? [from, to] : null)
}

const setLoop = function (from, to, on = state.looping) {
  const last = state.last - state.latest
  from = Math.min(Math.max(Math.round(from), state.first), last - SHORTEST_LOOP)
  to = Math.min(Math.max(Math.round(to), from + SHORTEST_LOOP), last)
  state.loop = [from, to]
  state.looping = on
  applyLoop()
  restartTurn()
  showLoop()
}

const showLoop = function () {
  const [from, to] = state.loop
  const area = $("loop-area")
  area.hidden = false
  area.classList.toggle("on", state.looping)
  area.style.left = `${(100 * from) / samplesOf()}%`
  area.style.width = `${(100 * (to - from)) / samplesOf()}%`
  $("loop").checked = state.looping
  for (const [name, value] of [["from", from], ["to", to]]) {
    const input = $(`loop-${name}`)
    input.min = state.first / rate
    input.max = state.last / rate
    input.value = value / rate
    input.setAttribute("aria-valuetext", `${(value / rate).toFixed(2)} seconds`)
    $(`loop-${name}-text`).textContent = clock(value, 2)
  }
}

// --- Waveform and playhead

const drawWave = function () {
  const values = state.peaks.get(heard())
  if (values) charts.waveform($("canvas"), values, state.fullScale)
}

const showHead = function (spoken = false) {
  const at = position()
  $("head").style.left = `${(100 * at) / samplesOf()}%`
  $("clock").textContent = `${clock(at)} of ${clock(samplesOf())}`
  const second = Math.floor(at / rate)
  // A focused slider reads every change aloud: while it plays, the position is not news.
  if (!spoken && (second === state.spoken || document.activeElement === $("wave"))) return
  state.spoken = second
  $("wave").setAttribute("aria-valuenow", (at / rate).toFixed(1))
  $("wave").setAttribute("aria-valuetext", `${(at / rate).toFixed(1)} of ${(samplesOf() / rate).toFixed(1)} seconds`)
}

let shown = 0
const tick = function (time) {
  if (!state.playing) return
  if (!still.matches || time - shown > 500) {
    shown = time
    showHead()
  }
  requestAnimationFrame(tick)
}

const drag = function () {
  const wave = $("wave")
  let start = null
  const at = event => {
    const box = wave.getBoundingClientRect()
    return (Math.min(Math.max(0, event.clientX - box.left), box.width) / box.width) * samplesOf()
  }
  wave.onpointerdown = event => {
    if (event.button !== 0) return
    start = { x: event.clientX, at: at(event), moved: false }
    wave.setPointerCapture(event.pointerId)
  }
  wave.onpointermove = event => {
    if (!start || (!start.moved && Math.abs(event.clientX - start.x) < DRAG_PX)) return
    start.moved = true
    const [from, to] = [start.at, at(event)].sort((one, other) => one - other)
    state.loop = [Math.round(from), Math.round(to)]
    showLoop()
  }
  wave.onpointerup = event => {
    if (!start) return
    const { moved, at: from } = start
    start = null
    if (moved) setLoop(Math.min(from, at(event)), Math.max(from, at(event)), true)
    else seek(at(event))
  }
  wave.onpointercancel = () => { start = null }
}

// --- Spectra and differences

const pairOf = (a, b) => data.comparisons.find(pair => (pair.reference === a && pair.position === b) || (pair.reference === b && pair.position === a))

const drawSpectra = function () {
  const [a, b] = [segment(state.a), segment(state.b)]
  if (!a.third_octaves_db.length || !b.third_octaves_db.length) return
  const pair = pairOf(state.a, state.b)
  const sign = pair && pair.reference === state.b ? -1 : 1
  const difference = state.a === state.b ? a.third_octaves_db.map(() => 0) : pair ? pair.third_octaves_db.map(level => sign * level) : b.third_octaves_db.map((level, n) => level - a.third_octaves_db[n])
  $("spectra-section").hidden = false
  charts.spectra($("spectra"), data.bands_hz, a.third_octaves_db, b.third_octaves_db, difference)
  const most = difference.reduce((best, level, n) => (Math.abs(level) > Math.abs(difference[best]) ? n : best), 0)
  const { rows } = $("bands").tBodies[0]
  difference.forEach((level, n) => {
    for (const [cell, words] of [signed(a.third_octaves_db[n]).replace("+", ""), signed(b.third_octaves_db[n]).replace("+", ""), signed(level)].entries()) rows[n].cells[cell + 1].textContent = words
  })
  $("spectra-most").textContent = state.a === state.b ? "A and B are the same tone." : `The largest difference is ${signed(difference[most])} dB at ${rows[most].cells[0].textContent}.`
  for (const line of document.querySelectorAll(".pair")) line.hidden = line.id !== `pair-${pair?.reference}-${pair?.position}`
}

const signed = level => (level <= -200 ? "–" : `${level > 0 ? "+" : ""}${level.toFixed(1)}`.replace("-", "−"))

const enableMatrix = function () {
  for (const cell of document.querySelectorAll(".matrix td[data-a]")) {
    const [a, b] = [Number(cell.dataset.a), Number(cell.dataset.b)]
    const button = cell.querySelector("button")
    button.hidden = false
    cell.replaceChildren(button)
    button.onclick = () => {
      const { track } = segment(a)
      if (track !== state.track) openTrack(track)
      Object.assign(state, { a, b })
      restartTurn()
      hear()
    }
  }
  for (const hint of document.querySelectorAll(".scripted")) hint.hidden = false
}

// --- DI tracks and regions

const openTrack = function (track) {
  const all = segmentsOf(track)
  Object.assign(state, { track, a: all[0].position, b: all[Math.min(1, all.length - 1)].position, heard: "a", looping: false })
  state.peaks = new Map(all.map(each => [each.position, each.peaks ? charts.peaks(each.peaks) : new Int8Array([0, 0])]))
  state.fullScale = Math.max(1, ...Array.from(state.peaks.values(), values => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)))
  state.size = window.ToneShootout.window(all, samplesOf(), data)
  for (const input of document.getElementsByName("track")) input.checked = Number(input.value) === track
  $("wave").setAttribute("aria-valuemax", (samplesOf() / rate).toFixed(1))
  for (const row of document.querySelectorAll(".tone")) row.hidden = Number(row.dataset.track) !== track
  showRegions()
  enterRegion(0)
  showPair()
}

const showRegions = function () {
  const whole = state.size >= samplesOf()
  $("region").hidden = whole
  $("part").hidden = whole
  if (whole) return
  const count = Math.ceil(samplesOf() / state.size)
  $("region-choice").replaceChildren(...Array.from({ length: count }, (_, n) => {
    const [from, to] = [n * state.size, Math.min((n + 1) * state.size, samplesOf())]
    return new Option(`${clock(from, 0)}–${clock(to, 0)}`, n)
  }))
}

// Load the part of the DI track with a sample in it; what was decoded before is dropped first.
const enterRegion = async function (target) {
  const generation = ++state.generation
  const resume = state.playing || state.wanted
  if (deck) {
    deck.onfinish = () => {}
    deck.stop()
  }
  const number = Math.floor(target / state.size)
  const first = number * state.size
  const last = Math.min(first + state.size, samplesOf())
  const all = segmentsOf(state.track)
  const compensable = all.filter(each => known(each.latency))
  deck = null
  state.latest = Math.max(0, ...compensable.map(each => each.latency.samples))
  delete document.body.dataset.ready
  Object.assign(state, { buffers: null, first, last, resting: target, wanted: resume })
  setLoop(first, last, false)
  $("region-choice").value = number
  $("part").style.left = `${(100 * first) / samplesOf()}%`
  $("part").style.width = `${(100 * (last - first)) / samplesOf()}%`
  showPlaying()
  say("")
  $("loading").hidden = false
  $("loading").value = 0
  const buffers = new Map()
  const failed = []
  let done = 0
  await Promise.all(all.map(async each => {
    try {
      const buffer = await load(each.sound, first, last, rate, read)
      const sure = known(each.latency)
      buffers.set(each.position, { buffer, latency: sure ? each.latency.samples : 0, polarity: sure && each.latency.polarity < 0 ? -1 : 1, gain: 10 ** (each.playback_gain_db / 20) })
    } catch (error) {
      failed.push(`${each.chain} (${error.message})`)
    }
    if (generation === state.generation) $("loading").value = ++done / all.length
  }))
  if (generation !== state.generation) return
  $("loading").hidden = true
  if (failed.length) say(`This browser can't play ${failed.join(", ")}. The table of levels links to the files.`)
  for (const each of all) for (const part of ["tone", "put"]) $(`${part}-${each.position}`).disabled = !buffers.has(each.position)
  if (!buffers.size) return
  for (const slot of ["a", "b"]) if (!buffers.has(state[slot])) state[slot] = buffers.keys().next().value
  // In the order of the tones, whichever was decoded first.
  state.buffers = new Map(all.filter(each => buffers.has(each.position)).map(each => [each.position, buffers.get(each.position)]))
  document.body.dataset.ready = String(state.track)
  showPair()
  if (state.wanted && context) play()
}

// --- Keys

const acts = {
  " ": () => play(),
  q: () => toggle(),
  l: () => setLoop(...state.loop, !state.looping),
  r: () => $("rotate").click(),
  d: () => data.tracks.length > 1 && openTrack((state.track + 1) % data.tracks.length),
  "[": () => setLoop(position(), Math.max(state.loop[1], position() + SHORTEST_LOOP), true),
  "]": () => setLoop(Math.min(state.loop[0], position() - SHORTEST_LOOP), position(), true),
  "?": () => { $("help").open = !$("help").open },
  ArrowUp: () => put(state.heard, neighbor(-1), true),
  ArrowDown: () => put(state.heard, neighbor(1), true),
  ArrowLeft: event => seek(position() - (event.shiftKey ? 5 : 1) * rate),
  ArrowRight: event => seek(position() + (event.shiftKey ? 5 : 1) * rate),
}

const press = function (event) {
  if (!$("keys").checked || ((event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph"))) return
  const { target } = event
  const kind = target.type ?? target.tagName.toLowerCase()
  // What has the focus keeps its own keys: a range its arrows, a button its Space, which would act twice.
  if (["range", "select-one"].includes(kind)) return
  if (event.key === " " && ["button", "checkbox", "summary"].includes(kind)) return
  if (target.name === "track" && event.key.startsWith("Arrow")) return
  const digit = /^Digit(\d)$/.exec(event.code)
  const all = segmentsOf(state.track)
  if (digit) {
    const tone = all[(Number(digit[1]) + 9) % 10]
    if (!tone || event.repeat) return
    event.preventDefault()
    if (event.shiftKey) put("b", tone.position)
    else put("a", tone.position, true)
    return
  }
  const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key]
  if (!act || (event.repeat && !event.key.startsWith("Arrow"))) return
  event.preventDefault()
  act(event)
  // The focus follows the choice, as it does with a radio button's own arrows.
  if (target.name === "tone" && /^Arrow(Up|Down)$/.test(event.key)) $(`tone-${heard()}`).focus()
}

const connect = function () {
  for (const radio of document.getElementsByName("track")) radio.onchange = () => openTrack(Number(radio.value))
  for (const { position: tone } of data.segments) {
    $(`tone-${tone}`).onchange = () => put("a", tone, true)
    $(`put-${tone}`).onclick = () => put("b", tone)
  }
  $("play").onclick = play
  $("hear-a").onclick = () => toggle("a")
  $("hear-b").onclick = () => toggle("b")
  $("loop").onchange = () => setLoop(...state.loop, $("loop").checked)
  $("loop-from").oninput = event => setLoop(event.target.value * rate, Math.max(state.loop[1], event.target.value * rate + SHORTEST_LOOP))
  $("loop-to").oninput = event => setLoop(Math.min(state.loop[0], event.target.value * rate - SHORTEST_LOOP), event.target.value * rate)
  $("rotate").onchange = $("rotate-s").onchange = () => { restartTurn(); deck?.revoke() }
  for (const id of ["latency", "polarity"]) {
    $(id).onchange = () => {
      deck?.setCompensation({ latency: $("latency").checked, polarity: $("polarity").checked })
      for (const words of document.querySelectorAll(`[data-compensated="${id}"]`)) words.hidden = !$(id).checked
    }
  }
  $("region-choice").onchange = event => enterRegion(Number(event.target.value) * state.size)
  $("player").addEventListener("keydown", press)
  // After a click the keys are for the player; who uses the keyboard keeps the focus where it is.
  $("player").addEventListener("click", event => event.detail && event.target.closest("button, .check") && $("player").focus({ preventScroll: true }))
  drag()
  new ResizeObserver(() => { drawWave(); drawSpectra() }).observe($("wave"))
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawWave)
  setInterval(planTurn, 200)
}

$("player").hidden = false
document.body.classList.add("scripted")
enableMatrix()
openTrack(0)
connect()

return { data, state, say, pause, get deck() { return deck }, get context() { return context } }
})()
