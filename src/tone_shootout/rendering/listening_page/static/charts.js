// Drawings of the listening page: the waveform on a canvas, the spectra of two tones as SVG.
"use strict"

window.ToneShootout.charts = (function () {
const SVG = "http://www.w3.org/2000/svg"
const TICKS_HZ = [31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000]
const RANGE_DB = 60 // of the spectra, below the highest band
const FLOOR_DB = -200

const element = function (name, attributes, text) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  if (text !== undefined) made.textContent = text
  return made
}

// Peaks are pairs of minimum and maximum, 8 bits each, in base64.
const peaks = text => Int8Array.from(atob(text), character => character.charCodeAt(0))

const waveform = function (canvas, values, fullScale) {
  const scale = window.devicePixelRatio || 1
  const { clientWidth, clientHeight } = canvas
  canvas.width = Math.max(1, Math.round(clientWidth * scale))
  canvas.height = Math.max(1, Math.round(clientHeight * scale))
  const { width, height } = canvas
  const context = canvas.getContext("2d")
  context.clearRect(0, 0, width, height)
  context.fillStyle = getComputedStyle(canvas).color
  const columns = values.length / 2
  const unit = (height / 2 - scale) / fullScale
  for (let x = 0; x < width; x++) {
    const from = Math.floor((x * columns) / width)
    const to = Math.max(from + 1, Math.floor(((x + 1) * columns) / width))
    let low = 127
    let high = -128
    for (let n = from; n < to; n++) {
      low = Math.min(low, values[2 * n])
      high = Math.max(high, values[2 * n + 1])
    }
    context.fillRect(x, height / 2 - high * unit, 1, Math.max(scale, (high - low) * unit))
  }
}

// Round steps so that each half of an axis has one to three of them.
const step = span => [1, 2, 3, 5, 10, 20].find(size => span / size <= 3) ?? 30

const lines = function (levels, x, y) {
  // Bands without any power are gaps.
  let text = ""
  let pen = "M"
  levels.forEach((level, n) => {
    if (level <= FLOOR_DB) pen = "M"
    else {
      text += `${pen}${x(n).toFixed(1)} ${y(level).toFixed(1)}`
      pen = "L"
    }
  })
  return text
}

const axis = function (svg, { left, right, top, bottom, low, high, size, unit }) {
  const y = level => bottom - ((level - low) / (high - low)) * (bottom - top)
  for (let level = Math.ceil(low / size) * size; level <= high; level += size) {
    svg.append(element("line", { class: level === 0 ? "zero" : "grid", x1: left, x2: right, y1: y(level), y2: y(level) }))
    svg.append(element("text", { x: left - 6, y: y(level) + 4, "text-anchor": "end" }, `${level > 0 && unit ? "+" : ""}${level}`.replace("-", "−")))
  }
  return level => Math.min(bottom, Math.max(top, y(level)))
}

// The spectra of A and B above, what B has more than A below.
const spectra = function (svg, bands, a, b, difference) {
  const width = Math.max(280, svg.clientWidth)
  const height = 360
  const [left, right, middle] = [40, width - 12, 220]
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
  svg.replaceChildren(...Array.from(svg.querySelectorAll("title")))
  const octaves = Math.log2(bands[bands.length - 1] / bands[0])
  const x = n => left + (Math.log2(bands[n] / bands[0]) / octaves) * (right - left)
  const at = hz => left + (Math.log2(hz / bands[0]) / octaves) * (right - left)
  const narrow = width < 480
  TICKS_HZ.forEach((hz, n) => {
    svg.append(element("line", { class: "grid", x1: at(hz), x2: at(hz), y1: 12, y2: height - 28 }))
    if (narrow && n % 2 === 0) return
    svg.append(element("text", { x: at(hz), y: height - 10, "text-anchor": "middle" }, hz < 1000 ? String(hz) : `${hz / 1000}k`))
  })
  const highest = Math.max(...a, ...b)
  const top = axis(svg, { left, right, top: 12, bottom: middle - 14, low: highest - RANGE_DB, high: highest + 3, size: 20 })
  const span = Math.max(3, ...difference.map(Math.abs))
  const below = axis(svg, { left, right, top: middle + 6, bottom: height - 28, low: -span, high: span, size: step(span), unit: true })
  svg.append(element("path", { class: "tone-a", d: lines(a, x, top) }))
  svg.append(element("path", { class: "tone-b", d: lines(b, x, top) }))
  const half = Math.max(1, (right - left) / bands.length / 3)
  difference.forEach((level, n) => {
    const [from, to] = [below(0), below(level)]
    const box = { class: "difference", x: x(n) - half, width: 2 * half, y: Math.min(from, to), height: Math.max(0.5, Math.abs(from - to)) }
    svg.append(element("rect", box))
  })
}

return { peaks, spectra, waveform }
})()
