// A listening test: starts or resumes the session of this browser, plays its sounds, sends its answers.
import { $, api, prefix, Problem, run, say } from "./app.js"

const { Deck, blind } = window.ToneShootout
const root = $("#trial"), title = $("#trial-title"), form = $("form", root)
const panel = blind(root)
const sounds = new Map() // promises of decoded sounds, by address
let context = null, session = null

const fetchSound = async function (address) {
  const answer = await fetch(prefix + address)
  if (!answer.ok) throw new Problem(answer.status, await answer.json())
  const file = await answer.arrayBuffer()
  context ||= new AudioContext({ sampleRate: new DataView(file).getUint32(24, true) }) // the rate in a WAV file
  return context.decodeAudioData(file)
}

const sound = function (address) {
  if (!sounds.has(address)) {
    sounds.set(address, fetchSound(address))
    sounds.get(address).catch(() => sounds.delete(address))
  }
  return sounds.get(address)
}

// Prepare the next trial, or end the session after the last one.
const load = async function () {
  const trial = session.answered + 1, { trials, stimuli } = session
  panel.close()
  root.inert = true
  if (trial > trials) {
    await api("POST", session.links.finish)
    return location.reload() // the page has the result
  }
  title.textContent = "Loading the sounds"
  const here = stimuli.filter(each => each.trial === 0 || each.trial === trial)
  const buffers = await Promise.all(here.map(each => sound(each.content)))
  const tones = new Map(here.map(({ label }, n) => [label, { buffer: buffers[n], latency: 0, polarity: 1 }]))
  panel.open(new Deck(context, tones, { first: 0, last: buffers[0].length, selected: here[0].label, gap: true }))
  root.inert = false
  $("progress", root).value = session.answered
  title.textContent = (root.dataset.unit || "Trial") + " " + trial + " of " + trials
  title.focus()
  // Sounds of earlier trials are dropped; those of the next are loaded while these are heard.
  for (const address of sounds.keys()) if (!stimuli.some(each => each.content === address)) sounds.delete(address)
  for (const each of stimuli) sound(each.content).catch(() => {})
}

const open = () => load().catch(error => {
  console.warn(error)
  say(error instanceof Problem ? error.message : "The connection is lost. Your answers are stored.", { error: true, label: "Try again", action: open })
})

const answerOf = function () {
  const given = Object.fromEntries(new FormData(form)), { field } = form.dataset
  if (!field) return given
  return { [field]: Object.fromEntries(Object.entries(given).map(([letter, value]) => [letter, Number(value)])) }
}

const missing = function ({ matches }) {
  const names = Object.values(matches || {})
  return panel.missing || (new Set(names).size < names.length ? "Choose each name once." : "")
}

$("#start")?.addEventListener("click", run(async event => {
  session = await api("POST", event.currentTarget.dataset.sessions)
  await load()
  $("#intro").hidden = true
  if (session.answered === session.trials) return
  $("#level").hidden = false
  $("#level-title").focus()
}))

$("#level-play").onclick = panel.play

$("#begin").onclick = () => {
  $("#level").hidden = true
  root.hidden = false
  title.focus()
}

form.addEventListener("submit", run(async event => {
  event.preventDefault()
  const answer = answerOf(), note = missing(answer)
  $("#missing").textContent = note
  if (note) return
  session = await api("POST", session.links.answers, { trial: session.answered + 1, ...answer })
  await open()
}))

form.addEventListener("input", ({ target }) => { if (target.type === "range") target.nextElementSibling.value = target.value })
