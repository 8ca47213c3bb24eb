// A blind test of A and B in the page itself: X is drawn here, so that the key is here too, and the page says so.
"use strict";

(function () {
const { Deck, blind, page } = window.ToneShootout
const $ = id => document.getElementById(id)
const dialog = $("abx")
if (!dialog) return // the player alone, on other sites
const panel = blind(dialog)
let trials = 0, trial = 0, right = 0, x = null // the only place that knows what X is

const explain = () => { $("abx-power").textContent = $("abx-trials").selectedOptions[0].title }
const show = part => { for (const each of ["intro", "trial", "result"]) $(`abx-${each}`).hidden = each !== part }

const next = function () {
  const { buffers, a, b, first, last } = page.state
  x = crypto.getRandomValues(new Uint8Array(1))[0] & 1 ? "a" : "b" // a fair coin each time, never balanced
  const tones = { a: buffers.get(a), b: buffers.get(b) }
  const deck = new Deck(page.context, new Map([...Object.entries(tones), ["x", tones[x]]]), { first, last, selected: "a", gap: true })
  panel.close()
  panel.open(deck)
  trial++
  $("abx-title").textContent = `Trial ${trial} of ${trials}`
  $("abx-title").focus()
}

$("abx-open").onclick = async () => {
  if (page.state.a === page.state.b) return page.say("A and B are the same tone. Put another one in A or B first.")
  if (!page.state.buffers || !(await page.pause())) return
  $("abx-title").textContent = "Blind test of A and B"
  show("intro")
  explain()
  dialog.showModal()
}
$("abx-trials").onchange = explain
$("abx-start").onclick = () => {
  trials = Number($("abx-trials").value)
  trial = right = 0
  show("trial")
  next()
}
$("abx-answer").onsubmit = event => {
  event.preventDefault()
  $("abx-missing").textContent = panel.missing
  if (panel.missing) return
  if (new FormData(event.target).get("choice") === x) right++
  if (trial < trials) return next()
  $("abx-title").textContent = "Result"
  for (const row of $("abx-outcomes").rows) row.hidden = row.id !== `abx-${trials}-${right}`
  for (const words of dialog.querySelectorAll("[data-heard]")) words.hidden = words.dataset.heard !== $(`abx-${trials}-${right}`).dataset.significant
  show("result")
  panel.close()
  $("abx-title").focus()
}
$("abx-close").onclick = () => dialog.close()
dialog.onclose = () => panel.close()
})()
