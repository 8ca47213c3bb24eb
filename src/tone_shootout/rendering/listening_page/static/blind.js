// A blind trial: sounds under letters, a loop, an answer. ABX of the listening page and the pages of tests use it.
//
// In the element `root`: buttons with `data-letter`, a button with `data-play`, two ranges with `data-loop`, a form of
// the answer, a check box with `data-keys`, and an element of role `status`.
"use strict"

window.ToneShootout.blind = function (root) {
  const [find, all] = [selector => root.querySelector(selector), selector => Array.from(root.querySelectorAll(selector))]
  const [from, to] = all("[data-loop]")
  let deck = null
  let unheard = new Set()

  const show = function () {
    for (const button of all("[data-letter]")) button.setAttribute("aria-pressed", String(Boolean(deck.set) && button.dataset.letter === deck.selected))
    find("[data-play]").textContent = deck.set ? "Pause" : "Play"
  }

  const listen = function (letter) {
    unheard.delete(letter)
    deck.context.resume()
    deck.choose(letter)
    if (!deck.set) deck.play()
    find("[role=status]").textContent = `${letter.toUpperCase()} plays`
    show()
  }

  const play = function () {
    if (!deck.set) return listen(deck.selected)
    deck.stop()
    find("[role=status]").textContent = "Paused"
    show()
  }

  // The ranges are in thousandths of the sound; at least a hundredth stays between them.
  const loop = function (event) {
    if (event?.target === from) to.value = Math.max(to.value, Number(from.value) + 10)
    from.value = Math.min(from.value, to.value - 10)
    for (const range of [from, to]) range.setAttribute("aria-valuetext", `${((range.value * deck.last) / 1000 / deck.rate).toFixed(1)} seconds`)
    deck.setLoop([from, to].map(range => deck.first + Math.round((range.value * (deck.last - deck.first)) / 1000)))
  }

  const press = function (event) {
    const { target, key } = event
    if (!deck || !find("[data-keys]").checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
    // A focused control keeps its own keys.
    if (target.matches("select") || (key === " " && target.matches("button, input"))) return
    const letter = find(`[data-letter="${CSS.escape(key.toLowerCase())}"]`)
    const answer = all("[name=choice]")[Number(key) - 1]
    if (letter) listen(letter.dataset.letter)
    else if (key === " ") play()
    else if (answer) {
      answer.checked = true
      answer.focus() // so that Enter sends the form
    } else return
    event.preventDefault()
  }

  for (const button of all("[data-letter]")) button.onclick = () => listen(button.dataset.letter)
  find("[data-play]").onclick = play
  from.oninput = to.oninput = loop
  root.addEventListener("keydown", press)

  return {
    play,
    // Begin a trial with the sounds of a deck.
    open(made) {
      deck = made
      unheard = new Set(deck.tones.keys())
      find("form").reset()
      loop()
      show()
    },
    close() {
      deck?.stop()
      deck = null
    },
    // Why the answer can't be sent yet; empty: it can.
    get missing() {
      return unheard.size ? `Listen to ${Array.from(unheard, letter => letter.toUpperCase()).join(", ")} first.` : ""
    },
  }
}
