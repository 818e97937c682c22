// The live lens on a page: picture, curves and handles, drawn anew at every frame in which something moves.
// Python sends the numbers of a scene and is told, on release, what the visitor has made of them.
const SVG = "http://www.w3.org/2000/svg"
const TURN_MS = 800, GLIDE_MS = 700     // of a picture shown in turns with another; of a change that was not made by hand
const SLOW_MS = 45                      // a frame that takes longer is drawn with fewer pixels
const PHOTO_WIDTH = 0.4                 // of the frame
const REACH = 22                        // pixels about a handle that a finger may miss it by
const still = matchMedia("(prefers-reduced-motion: reduce)")

const path = (line, at) => line.map((point, k) => (k ? "L" : "M") + at(point).map((v) => v.toFixed(1)).join(" ")).join("")

class LiveLens {
  constructor(box) {
    this.box = box
    this.stage = box.querySelector(".stage")
    this.marks = box.querySelector("svg")
    this.parts = Object.fromEntries([...box.querySelectorAll("[data-part]")].map((each) => [each.dataset.part, each]))
    this.turnNumber = 0
    this.level = 0
    this.curvesShown = true
    this.hidden = false
    this.hand = new Hand(this, this.stage)
    this.picture = brush(box.querySelector("canvas"))
    const press = (part, act) => this.parts[part].addEventListener("click", act)
    press("lighter", () => { this.hand.grow(1 / HEAVIER ** 3); this.hand.later() })
    press("heavier", () => { this.hand.grow(HEAVIER ** 3); this.hand.later() })
    press("lines", () => { this.curvesShown = !this.curvesShown; this.pressed("lines", this.curvesShown); this.changed() })
    press("blink", () => this.blink())
    press("back", () => this.shine(null))
    this.parts.file.addEventListener("change", async () => {
      const [file] = this.parts.file.files
      this.parts.file.value = ""
      if (file) photograph(file).then((found) => this.shine(found), () => this.say(this.words.no_photo))
    })
    this.observer = new ResizeObserver(() => this.changed())
    this.observer.observe(this.stage)
  }

  size() {
    return this.stage.clientWidth || 1
  }

  place({ clientX, clientY }) {   // of a pointer, arcsec
    const { left, top, width, height } = this.stage.getBoundingClientRect(), frame = this.data.camera.width
    return [((clientX - left) / width - 0.5) * frame, (0.5 - (clientY - top) / height) * frame]
  }

  take(data, words, colours, send) {
    Object.assign(this, { words, colours, send })
    this.write(words)
    if ((data.turn ?? this.turnNumber) < this.turnNumber || this.hand.busy || data.stamp === this.stamp) return
    this.stamp = data.stamp
    const before = this.values && { ...this.values }, key = JSON.stringify([data.source, data.lens_light, data.camera, data.stretch])
    this.data = unpacked(data)
    this.curves = new Curves(this.data)
    this.values = { ...data.values }
    if (!data.blinks) this.rest()
    this.parts.blink.hidden = !data.blinks
    this.parts.side.hidden = !data.side
    if (key !== this.lightKey) {
      this.lightKey = key
      this.stretch = null
    }
    const moved = before && Object.keys(before).some((name) => Math.abs(before[name] - this.values[name]) > 1e-6)
    if (moved && !still.matches) this.glide(before)
    this.changed()
  }

  // From the lens before to the new one, so that the eye can follow.
  glide(before) {
    const goal = { ...this.values }, start = performance.now()
    this.gliding = (now) => {
      const share = Math.min((now - start) / GLIDE_MS, 1), ease = share * share * (3 - 2 * share)
      for (const name of Object.keys(goal)) {
        this.values[name] = name in before ? before[name] + ease * (goal[name] - before[name]) : goal[name]
      }
      if (share === 1) this.gliding = null
    }
  }

  changed() {
    this.frame ??= requestAnimationFrame((now) => this.draw(now))
  }

  // A visitor has let go: the scene goes to Python, and the picture is drawn as finely as can be.
  settled() {
    this.turnNumber += 1
    this.send?.({ turn: this.turnNumber, values: { ...this.values } })
    this.changed()
  }

  draw(now) {
    this.frame = undefined
    if (!this.data) return
    if (this.hand.busy) this.gliding = null
    const moving = this.hand.busy || Boolean(this.gliding)
    this.gliding?.(now)
    if (moving && this.last && now - this.last < 500) {
      this.pace = 0.8 * (this.pace ?? now - this.last) + 0.2 * (now - this.last)
      if (this.pace > SLOW_MS && this.level < this.picture.sizes.length - 1) {
        this.level += 1
        this.pace = undefined
      }
    }
    this.last = moving ? now : undefined
    const lens = lensOf(this.data, this.values, this.hidden)
    this.paint(lens, this.picture.sizes[moving ? this.level : 0])
    this.sketch(lens)
    clearTimeout(this.telling)
    if (this.gliding) this.changed()
    else if (moving) this.telling = setTimeout(() => this.changed(), REST_MS)
    else this.tell(lens)
  }

  paint(lens, side) {
    const lights = lightsOf(this.data, this.values, this.photo ?? this.data.picture)
    this.picture.draw(lens, lights, side, 1)
    if (this.photo) return this.picture.show({ soft: 1, low: 0, high: Math.asinh(1) }, this.colours)
    this.stretch ??= this.data.stretch ?? this.stretched(this.picture.pixels())
    this.picture.show(this.stretch, this.colours)
  }

  // figures.stretch.Stretch, asinh: held as long as the same source shines, so that bright means bright.
  stretched(light) {
    const sorted = Float32Array.from(light).sort(), low = sorted[Math.floor(0.005 * sorted.length)]
    const high = sorted[sorted.length - 1], width = Math.max(high - low, 1e-30)
    const soft = Math.min(Math.max(2.5 * this.data.noise, 3e-3 * width), width)
    return { soft, low: Math.asinh(low / soft), high: Math.asinh(high / soft) }
  }

  sketch(lens) {
    const { values, data } = this, size = this.size(), scale = size / data.camera.width, { parts } = this
    const at = ([x, y]) => [size / 2 + scale * x, size / 2 - scale * y]
    this.found = this.curves.of(lens, values["source.center_x"], values["source.center_y"])
    this.marks.setAttribute("viewBox", `0 0 ${size} ${size}`)
    for (const name of ["critical", "caustics"]) {
      parts[name].setAttribute("d", this.curvesShown ? this.found[name].map((line) => path(line, at)).join("") : "")
    }
    parts.cut.setAttribute("d", this.curvesShown ? path(this.found.cut, at) : "")
    parts.images.replaceChildren(...(this.curvesShown ? this.found.images : []).map((image) => {
      const [cx, cy] = at([image.x, image.y]), dot = document.createElementNS(SVG, "circle")
      for (const [name, value] of Object.entries({ cx, cy, r: 4 })) dot.setAttribute(name, value)
      return dot
    }))
    const ring = scale * values["lens.theta_E"], centre = at([lens.x, lens.y]), phi = values["lens.phi"]
    const knob = [centre[0] + (ring + 26) * Math.cos(phi), centre[1] - (ring + 26) * Math.sin(phi)]
    this.grip("lens", centre, Math.max(ring - 8, 30))
    this.grip("turn", knob, REACH)
    this.grip("source", at([values["source.center_x"], values["source.center_y"]]), REACH)
    this.aside(lens)
    const clump = "substructure.clumps.0"
    parts[clump].toggleAttribute("hidden", !(`${clump}.center_x` in values))
    if (`${clump}.center_x` in values) this.grip(clump, at([values[`${clump}.center_x`], values[`${clump}.center_y`]]), REACH)
  }

  // From the side: rays in the plane of source and lens, heights true to each other, since all angles are small. A source
  // exactly behind a round lens has images all round; those above and below are shown.
  aside(lens) {
    if (!this.data.side) return
    const { values, parts } = this, dx = values["source.center_x"] - lens.x, dy = values["source.center_y"] - lens.y
    const offset = Math.hypot(dx, dy), [ux, uy] = offset > 1e-3 ? [dx / offset, dy / offset] : [1, 0]
    const scale = 150 / this.data.camera.width, [eye, plane, far, middle] = [42, 300, 560, 85]
    const half = (plane - eye) / (far - eye)
    const heights = this.found.images.map((image) => (image.x - lens.x) * ux + (image.y - lens.y) * uy)
    if (offset <= 1e-3 || !heights.length) heights.push(lens.ring, -lens.ring)
    const at = (x, height) => `${x} ${(middle - scale * height).toFixed(1)}`
    parts.rays.setAttribute("d", heights.map((seen) => `M${at(eye, 0)}L${at(plane, seen * half)}L${at(far, offset)}`).join(""))
    parts.seen.setAttribute("d", heights.map((seen) => `M${at(plane, seen * half)}L${at(far, seen)}`).join(""))
    parts.far.setAttribute("transform", `translate(${far} ${middle - scale * offset})`)
    parts.galaxy.setAttribute("ry", Math.max(8, Math.min(60, scale * lens.ring * 0.7)))
  }

  grip(name, [x, y], reach) {
    const part = this.parts[name]
    part.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`)
    part.querySelector(".reach").setAttribute("r", reach)
  }

  // In words, once things have come to rest: below the picture, and to those who cannot see it.
  tell(lens) {
    const { values, words, data } = this, number = (value, digits = 2) => value.toLocaleString(words.locale, {
      minimumFractionDigits: digits, maximumFractionDigits: digits })
    const { images } = this.found, offset = Math.hypot(values["source.center_x"] - lens.x, values["source.center_y"] - lens.y)
    const told = words.told.replace("{images}", words.images[Math.min(images.length, words.images.length - 1)])
      .replace("{theta_E}", number(values["lens.theta_E"])).replace("{offset}", number(offset))
      .replace("{times}", number(this.brightened(lens), 1))
    this.say(this.hidden ? `${words.without} ${told}` : told)
    const degrees = Math.round(values["lens.phi"] * 180 / Math.PI)
    for (const part of this.marks.querySelectorAll("[data-grip]")) {
      const { grip } = part.dataset, x = values[`${grip}.center_x`], y = values[`${grip}.center_y`]
      part.setAttribute("aria-valuenow", grip === "turn" ? degrees : (x ?? 0).toFixed(2))
      part.setAttribute("aria-valuetext", grip === "turn" ? `${degrees}°` : `x ${number(x ?? 0)}″, y ${number(y ?? 0)}″`)
    }
    this.box.dispatchEvent(new CustomEvent("told", { bubbles: true }))
  }

  // How many times as much light of the source the frame holds as without a lens.
  brightened(lens) {
    const { data, values } = this, lights = { ...lightsOf(data, values, data.picture), lens: [] }
    this.picture.draw(lens, lights, 128, 1)
    const sum = this.picture.pixels().reduce((a, b) => a + b, 0) * (data.camera.width / 128) ** 2
    return sum / data.flux
  }

  say(text) {
    if (this.parts.told.textContent !== text) this.parts.told.textContent = text
    this.box.querySelector("canvas").setAttribute("aria-label", `${this.words.name} ${text}`)
  }

  write(words) {
    for (const name of ["lighter", "heavier", "lines", "blink", "back", "photo", "hint", "legend"]) {
      const [text, title] = [words[name]].flat()
      this.parts[name].querySelector("span").textContent = text
      if (title) this.parts[name].title = title
      if (title) this.parts[name].setAttribute("aria-label", title)
    }
    for (const part of this.marks.querySelectorAll("[data-grip]")) part.setAttribute("aria-label", words.grips[part.dataset.grip])
    this.stage.setAttribute("aria-label", words.name)
    for (const name of ["you", "middle", "behind"]) this.parts[name].textContent = words.aside[name]
    this.parts.side.querySelector("svg").setAttribute("aria-label", words.aside.name)
    this.parts.aside.textContent = words.aside.text
  }

  pressed(part, on) {
    this.parts[part].setAttribute("aria-pressed", on)
  }

  // With and without the dark matter in turns; where things should not move, at each press.
  blink() {
    if (still.matches) {
      this.hidden = !this.hidden
      this.pressed("blink", this.hidden)
    } else if (this.turns) {
      this.rest()
    } else {
      this.pressed("blink", true)
      this.turns = setInterval(() => {
        if (!this.box.isConnected) return this.rest()
        this.hidden = !this.hidden
        this.changed()
      }, TURN_MS)
      this.hidden = true
    }
    this.changed()
  }

  rest() {
    clearInterval(this.turns)
    this.turns = undefined
    this.hidden = false
    this.pressed("blink", false)
  }

  shine(photo) {
    this.photo = photo && { ...photo, width: PHOTO_WIDTH * this.data.camera.width }
    this.parts.back.hidden = !photo
    this.changed()
  }
}

export default function liveLens({ data, parentElement, setStateValue }) {
  const box = parentElement.querySelector(".live-lens")
  box.lens ??= new LiveLens(box)
  box.lens.take(data, data.words, data.colours, (told) => setStateValue("scene", told))
  return () => setTimeout(() => { if (!box.isConnected) box.lens.observer.disconnect() })
}
