// Sound of the listening page: the tones of a DI track as buffers that start together and are switched by ramps.
//
// A classic script, because a page opened from disk can't load modules. Times are whole numbers of samples; they are
// divided by the rate only where Web Audio takes seconds, so that everything happens on the grid of samples.
"use strict"

window.ToneShootout = (function () {
const RAMP_S = 0.01 // 5 to 20 ms: no click, no audible fade
const GAP_RAMP_S = 0.005 // one tone fades out in this time, then the other one in
const LEAD_S = 0.015 // the clock of a live context advances in steps of up to 11 ms

// Half a cosine, a point for each sample. Two of them in opposite directions add up to 1, so that a switch between
// equal sounds changes nothing; an equal-power fade would raise them by 3 dB. The end points are exact.
const ramp = function (from, to, samples) {
  const points = new Float32Array(samples + 1)
  for (let n = 0; n <= samples; n++) points[n] = from + (to - from) * (0.5 - 0.5 * Math.cos((Math.PI * n) / samples))
  points[0] = from
  points[samples] = to
  return points
}

// All tones of one DI track in one context, live or offline.
//
// tones: Map of id to { buffer, latency, polarity }; `latency` in samples, `polarity` 1 or -1.
// first, last: the part of the DI track that the buffers hold.
// gap: fade out, then in, for blind tests. In the middle of a crossfade, equal tones add up to another level than
// different ones, which gives the answer away; silence is the same for all.
class Deck {
  constructor(context, tones, { first, last, selected, resting = first, gap = false, compensate = { latency: true, polarity: true } }) {
    this.context = context
    this.rate = context.sampleRate
    this.tones = tones
    this.first = first
    // Every tone has this much sound, whatever its latency.
    this.last = last - Math.max(0, ...Array.from(tones.values(), tone => tone.latency))
    this.selected = selected
    this.compensate = compensate
    this.loop = null
    this.resting = resting
    this.gap = gap
    this.ramp = Math.round((gap ? GAP_RAMP_S : RAMP_S) * this.rate)
    this.lead = Math.round(LEAD_S * this.rate)
    this.onfinish = () => {}
    this.set = null
    this.busy = 0
    this.scheduled = null
  }

  now() {
    return Math.round(this.context.currentTime * this.rate)
  }

  // The sample of the clock at which a request takes effect: at once, or after the ramp that is under way.
  when(at) {
    if (at === undefined) this.revoke()
    return Math.max(at ?? this.now() + this.lead, this.busy)
  }

  positionAt(time) {
    if (!this.set) return this.resting
    const { loop, from, time: began } = this.set
    const position = from + Math.max(0, time - began)
    if (!loop || position < loop[1]) return Math.min(position, this.last)
    return loop[0] + ((position - loop[0]) % (loop[1] - loop[0]))
  }

  // Start at a position, or go on from the current one with new settings. Sources are always new ones that start
  // together; those before fade out meanwhile.
  play(position, at) {
    const time = this.when(at)
    const from = this.within(position ?? this.positionAt(time))
    const set = this.make(time, from)
    set.bus.gain.setValueCurveAtTime(ramp(0, 1, this.ramp), time / this.rate, this.ramp / this.rate)
    if (this.set) this.end(this.set, time)
    this.set = set
    this.busy = time + this.ramp + 1
    return time
  }

  stop(at) {
    const time = this.when(at)
    if (this.set) {
      this.resting = this.positionAt(time)
      this.end(this.set, time)
      this.set = null
      this.busy = time + this.ramp + 1
    }
    return time
  }

  seek(position, at) {
    if (this.set) this.play(position, at)
    else this.resting = this.within(position)
  }

  // Switch to a tone at the same playhead.
  choose(id, at) {
    const time = this.when(at)
    if (id === this.selected || !this.tones.has(id)) return time
    if (this.set) {
      const { gains } = this.set
      const entry = this.gap ? time + this.ramp + 1 : time
      for (const [tone, from, to, start] of [[this.selected, 1, 0, time], [id, 0, 1, entry]]) {
        const sign = this.sign(tone)
        gains.get(tone).gain.setValueCurveAtTime(ramp(from * sign, to * sign, this.ramp), start / this.rate, this.ramp / this.rate)
      }
      if (at !== undefined) this.scheduled = { time, before: this.selected, busy: this.busy, set: this.set }
      this.busy = entry + this.ramp + 1
    }
    this.selected = id
    return time
  }

  // Take back a switch that was scheduled and has not begun.
  revoke() {
    const { scheduled } = this
    this.scheduled = null
    if (!scheduled || scheduled.set !== this.set || scheduled.time <= this.now() + this.lead) return
    for (const id of [scheduled.before, this.selected]) {
      this.set.gains.get(id).gain.cancelScheduledValues(scheduled.time / this.rate)
    }
    this.selected = scheduled.before
    this.busy = scheduled.busy
  }

  setLoop(loop) {
    this.loop = loop
    this.renew()
  }

  setCompensation(compensate) {
    this.compensate = compensate
    this.renew()
  }

  renew() {
    if (this.set) this.play()
    else this.resting = this.within(this.resting)
  }

  within(position) {
    const [from, to] = this.loop ?? [this.first, this.last]
    return position >= from && position < to ? position : from
  }

  // Gain of a tone: its polarity, and that of mono beside stereo.
  sign(id) {
    const { polarity, gain = 1 } = this.tones.get(id)
    return this.compensate.polarity ? polarity * gain : gain
  }

  make(time, from) {
    const { context, rate, loop } = this
    const bus = new GainNode(context, { gain: 0 })
    bus.connect(context.destination)
    const set = { time, from, loop, bus, gains: new Map(), sources: [] }
    for (const [id, tone] of this.tones) {
      const gain = new GainNode(context, { gain: id === this.selected ? this.sign(id) : 0 })
      const source = new AudioBufferSourceNode(context, { buffer: tone.buffer })
      const shift = (this.compensate.latency ? tone.latency : 0) - this.first
      if (loop) {
        source.loop = true
        source.loopStart = (loop[0] + shift) / rate
        source.loopEnd = (loop[1] + shift) / rate
      }
      source.connect(gain).connect(bus)
      source.start(time / rate, (from + shift) / rate)
      set.gains.set(id, gain)
      set.sources.push(source)
    }
    // `ended` also comes for sources that were replaced: only those of the current set count.
    set.sources[0].onended = () => {
      if (this.set !== set) return bus.disconnect()
      this.set = null
      this.resting = this.within(this.first)
      bus.disconnect()
      this.onfinish()
    }
    return set
  }

  end(set, time) {
    set.bus.gain.setValueCurveAtTime(ramp(1, 0, this.ramp), time / this.rate, this.ramp / this.rate)
    for (const source of set.sources) source.stop((time + this.ramp) / this.rate)
  }
}

// --- Files

const waiting = new Map()

// Called by each sound file, with its name and FLAC data in base64.
const sound = (name, text) => waiting.get(name)?.(text)

const decoded64 = text => (Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), character => character.charCodeAt(0))).buffer

// From disk, where `fetch` is forbidden. The element and the text go as soon as the bytes are there.
const readByScript = (url, name) =>
  new Promise((resolve, reject) => {
    const script = document.createElement("script")
    const settle = act => {
      waiting.delete(name)
      script.remove()
      act()
    }
    waiting.set(name, text => settle(() => resolve(decoded64(text))))
    script.onload = () => waiting.has(name) && settle(() => reject(new Error(`${name} is damaged`)))
    script.onerror = () => settle(() => reject(new Error(`${name} is missing`)))
    script.src = url
    document.head.append(script)
  })

// On a service. `renew`: address that renews an expired session; sound is loaded long after the page.
const readByFetch = async function (url, name, renew) {
  let answer = await fetch(url)
  if (answer.status === 401 && renew && (await fetch(renew, { method: "POST" })).ok) answer = await fetch(url)
  if (!answer.ok) throw new Error(`${name}: HTTP ${answer.status}`)
  if (!name.endsWith(".js")) return answer.arrayBuffer()
  const text = await answer.text()
  return decoded64(text.slice(text.lastIndexOf(',"') + 2, text.lastIndexOf('"')))
}

// Decode the parts of a segment between two samples of its DI track into one buffer.
const load = async function (parts, first, last, rate, read) {
  // An offline context decodes before the first gesture, and at the right rate: no resampling.
  const context = new OfflineAudioContext(1, 1, rate)
  const needed = parts.filter(part => part.start < last && part.start + part.samples > first)
  let joined = null
  for (const part of needed) {
    const buffer = await context.decodeAudioData(await read(part.file))
    if (buffer.length !== part.samples) throw new Error(`${part.file} has ${buffer.length} samples, not ${part.samples}`)
    if (needed.length === 1 && part.start === first) return buffer
    const { numberOfChannels } = buffer
    joined ??= new AudioBuffer({ length: last - first, numberOfChannels, sampleRate: rate })
    for (let channel = 0; channel < numberOfChannels; channel++) {
      joined.copyToChannel(buffer.getChannelData(channel), channel, part.start - first)
    }
  }
  if (!joined) throw new Error("no sound for this page")
  return joined
}

// How many samples of each tone may be decoded at once; whole parts if that is less than all.
const window_ = function (segments, samples, { budget_bytes, channels }) {
  const most = Math.floor(budget_bytes / (4 * channels * segments.length))
  if (samples <= most) return samples
  const part = segments[0].sound[0]?.samples ?? samples
  return Math.max(1, Math.floor(most / part)) * part
}

return { Deck, load, ramp, readByFetch, readByScript, sound, window: window_ }
})()
