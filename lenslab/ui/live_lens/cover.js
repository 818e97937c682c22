// The live lens over a picture of the page as long as a slider or the source is dragged: see cover.py.
// The picture below is exact and noisy; it is uncovered when Plotly has drawn the next one.
const MOST_RAYS = 320      // on a side, of a picture that follows a finger
const WAIT_MS = 6000       // a picture that has not come by then was refused
const radians = Math.PI / 180

// What a slider's number says of the lens.
const RULES = {
  plain: (values, { path }, number) => { values[path] = number },
  degrees: (values, { path }, number) => { values[path] = number * radians },
  power: (values, { path, factor, power }, number) => { values[path] = factor * number ** power },
  shear: (values, _, number) => { values.shear = number },
  direction: (values, _, number) => { values.direction = number * radians },
}

class Cover {
  constructor(box) {
    this.box = box
    this.frame = Object.assign(document.createElement("div"), { className: "live-cover" })
    this.frame.innerHTML = `<canvas hidden></canvas><svg viewBox="-12 -12 24 24" data-grip="source" tabindex="0"
      role="slider" aria-label="source" aria-valuemin="-20" aria-valuemax="20"><circle r="11"></circle>
      <path d="M0-10L2.6-3.2 9.8-3 4.1 1.4 6.1 8.3 0 4.2-6.1 8.3-4.1 1.4-9.8-3-2.6-3.2Z"></path></svg>`
    this.star = this.frame.querySelector("svg")
    this.painter = undefined     // made at the first drag: a page that nobody turns costs nothing
    this.hand = new Hand(this, this.frame)
    this.turnNumber = 0
    this.watch = new MutationObserver((found) => found.forEach(({ target }) => this.slid(target)))
    this.watch.observe(document.body, { subtree: true, attributes: true, attributeFilter: ["aria-valuetext"] })
    this.down = () => { this.pressed = true }
    this.up = () => { this.pressed = false }
    addEventListener("pointerdown", this.down, true)
    addEventListener("pointerup", this.up, true)
    addEventListener("pointercancel", this.up, true)
  }

  leave() {
    this.watch.disconnect()
    this.frame.remove()
    removeEventListener("pointerdown", this.down, true)
    removeEventListener("pointerup", this.up, true)
    removeEventListener("pointercancel", this.up, true)
  }

  take(data, send) {
    this.send = send
    this.attach(data.over)
    this.star.setAttribute("aria-label", data.words.source)
    this.star.setAttribute("title", data.words.source)
    if (this.hand.busy || this.pressed) return
    this.sliders = data.sliders
    this.colours = data.colours
    this.data = unpacked(data)
    this.values = { ...this.data.values, shear: data.shear[0], direction: data.shear[1] }
    this.place()
  }

  // Over the picture, and uncovered when the picture has been drawn anew.
  attach(over) {
    const plot = document.querySelector(`.st-key-${over} .js-plotly-plot`)
    if (!plot) return setTimeout(() => this.box.isConnected && this.attach(over), 200)
    if (plot === this.plot) return
    this.plot = plot
    plot.parentElement.style.position = "relative"
    plot.parentElement.append(this.frame)
    plot.on("plotly_afterplot", () => { if (!this.pressed && !this.hand.busy) this.uncover(); this.place() })
    plot.on("plotly_relayout", () => this.place())
    this.place()
  }

  // Where the picture lies in its figure, and how far a visitor has zoomed in.
  place() {
    const layout = this.plot?._fullLayout
    if (!layout || !this.data) return
    const { l, t, w, h } = layout._size, { xaxis, yaxis } = layout, half = this.data.camera.width / 2
    Object.assign(this.frame.style, { left: `${this.plot.offsetLeft + l}px`, top: `${this.plot.offsetTop + t}px`,
                                      width: `${w}px`, height: `${h}px` })
    const left = xaxis.l2p(-half), top = yaxis.l2p(half)
    this.wide = xaxis.l2p(half) - left
    Object.assign(this.frame.firstChild.style, { left: `${left}px`, top: `${top}px`, width: `${this.wide}px`,
                                                 height: `${yaxis.l2p(-half) - top}px` })
    const x = this.values["source.center_x"], y = this.values["source.center_y"]
    this.star.style.transform = `translate(${xaxis.l2p(x) - 14}px, ${yaxis.l2p(y) - 14}px)`
    this.star.setAttribute("aria-valuenow", x.toFixed(2))
    this.star.setAttribute("aria-valuetext", `x ${x.toFixed(2)}″, y ${y.toFixed(2)}″`)
  }

  size() {
    return this.wide || 1
  }

  slid(input) {
    if (input.type !== "range" || !this.values) return
    const name = Object.keys(this.sliders).find((each) => input.closest(`.st-key-${each}`))
    if (!name) return
    const rule = this.sliders[name], before = { ...this.values }
    RULES[rule.rule](this.values, rule, Number(input.value))
    if (Object.keys(before).every((each) => Math.abs(before[each] - this.values[each]) < 1e-9)) return
    this.changed()
  }

  changed() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined
      this.draw()
    })
  }

  draw() {
    const { values, data } = this, canvas = this.frame.firstChild
    if (!this.plot?.isConnected || !data) return
    this.painter ??= brush(canvas)
    const { side: pixels, rays } = data.camera, plain = this.painter instanceof PlainPicture
    const side = plain ? Math.min(pixels, 128) : pixels, most = plain ? 128 : MOST_RAYS
    const held = { ...data, gamma1: values.shear * Math.cos(2 * values.direction),
                   gamma2: values.shear * Math.sin(2 * values.direction) }
    this.painter.draw(lensOf(held, values, data.hidden), lightsOf(held, values, data.picture), side,
                      Math.max(1, Math.min(rays, Math.floor(most / side))))
    this.painter.show(data.stretch, this.colours)
    this.frame.firstChild.hidden = false
    this.place()
    clearTimeout(this.fallback)
    this.fallback = setTimeout(() => { if (!this.pressed) this.uncover() }, WAIT_MS)
  }

  uncover() {
    clearTimeout(this.fallback)
    this.frame.firstChild.hidden = true
  }

  settled() {
    this.turnNumber += 1
    this.send("source", { turn: this.turnNumber, x: this.values["source.center_x"], y: this.values["source.center_y"] })
  }
}

export default function cover({ data, parentElement, setStateValue }) {
  parentElement.cover ??= new Cover(parentElement)
  const { cover } = parentElement
  cover.take(data, setStateValue)
  return () => setTimeout(() => {
    if (!parentElement.isConnected) cover.leave()
  })
}
