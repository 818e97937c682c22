// Fingers, mouse, wheel and keys: what they do to the numbers of a scene.
const STEP = 0.02, LEAP = 0.1, TURN = Math.PI / 90   // arcsec, arcsec, rad: of a key, of a key with Shift, of the knob
const HEAVIER = 1.02                                 // a key's or a notch's factor of the Einstein radius
const WIDEST = 0.45, NARROWEST = 0.04                // of the frame: the ring stays to be seen
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }
const REST_MS = 350                                  // after the last key or notch the scene is taken as settled

class Hand {
  // view: { values, data, size(), changed(), settled() }; size in pixels of the picture
  constructor(view, stage) {
    this.view = view
    this.fingers = new Map()
    stage.addEventListener("pointerdown", (event) => this.down(event, stage))
    stage.addEventListener("pointermove", (event) => this.move(event))
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => this.up(event))
    stage.addEventListener("keydown", (event) => this.key(event))
    stage.addEventListener("wheel", (event) => this.wheel(event, stage), { passive: false })
  }

  get busy() {
    return this.fingers.size > 0 || this.resting !== undefined
  }

  down(event, stage) {
    const grip = event.target.closest("[data-grip]")
    if (event.button || (!grip && !this.fingers.size)) return
    event.preventDefault()
    grip?.focus({ preventScroll: true })
    stage.setPointerCapture(event.pointerId)
    this.fingers.set(event.pointerId, [event.clientX, event.clientY])
    this.grip = this.fingers.size === 1 ? grip.dataset.grip : null
    this.moved = false
  }

  move(event) {
    const before = this.fingers.get(event.pointerId)
    if (!before) return
    const apart = this.spread()
    this.fingers.set(event.pointerId, [event.clientX, event.clientY])
    const scale = this.view.data.camera.width / this.view.size()
    if (this.fingers.size === 2) this.grow(this.spread() / apart)
    else if (this.grip === "turn") this.turnTo(event)
    else if (this.grip) this.shift(this.grip, (event.clientX - before[0]) * scale, (before[1] - event.clientY) * scale)
    this.moved = true
    this.view.changed()
  }

  up(event) {
    if (this.fingers.delete(event.pointerId) && !this.fingers.size) {
      this.grip = null
      if (this.moved) this.view.settled()
    }
  }

  spread() {
    const [a, b] = this.fingers.values()
    return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 1
  }

  wheel(event, stage) {
    if (!event.ctrlKey && !stage.contains(stage.getRootNode().activeElement)) return   // else the page scrolls
    event.preventDefault()
    this.grow(HEAVIER ** (-Math.max(-5, Math.min(5, event.deltaY / (event.ctrlKey ? 5 : 50)))))
    this.later()
  }

  key(event) {
    const grip = event.target.closest("[data-grip]")?.dataset.grip, arrow = ARROWS[event.key]
    if (arrow && grip === "turn") this.turn((arrow[0] + arrow[1]) * TURN)
    else if (arrow && grip) this.shift(grip, ...arrow.map((each) => each * (event.shiftKey ? LEAP : STEP)))
    else if (event.key === "+" || event.key === "=") this.grow(HEAVIER)
    else if (event.key === "-") this.grow(1 / HEAVIER)
    else return
    event.preventDefault()
    this.later()
  }

  later() {
    this.view.changed()
    clearTimeout(this.resting)
    this.resting = setTimeout(() => {
      this.resting = undefined
      this.view.settled()
    }, REST_MS)
  }

  // Move the source, a clump, or the lens with all that belongs to it.
  shift(grip, dx, dy) {
    const { values, data } = this.view, edge = data.camera.width / 2
    const held = (value) => Math.min(Math.max(value, -edge), edge)
    if (grip === "lens") {
      const moved = [held(values["lens.center_x"] + dx) - values["lens.center_x"],
                     held(values["lens.center_y"] + dy) - values["lens.center_y"]]
      for (const path of Object.keys(values)) {
        if (/^(lens|lens_light|substructure)\..*_x$/.test(path)) values[path] += moved[0]
        if (/^(lens|lens_light|substructure)\..*_y$/.test(path)) values[path] += moved[1]
      }
    } else {
      values[`${grip}.center_x`] = held(values[`${grip}.center_x`] + dx)
      values[`${grip}.center_y`] = held(values[`${grip}.center_y`] + dy)
    }
  }

  grow(factor) {
    const { values, data: { camera } } = this.view, value = values["lens.theta_E"] * factor
    values["lens.theta_E"] = Math.min(Math.max(value, NARROWEST * camera.width), WIDEST * camera.width)
  }

  turn(by) {
    const { values } = this.view, phi = values["lens.phi"] + by
    values["lens.phi"] = phi - Math.PI * Math.round(phi / Math.PI)   // an ellipse is the same after half a turn
  }

  turnTo(event) {
    const { values } = this.view, [x, y] = this.view.place(event)
    this.turn(Math.atan2(y - values["lens.center_y"], x - values["lens.center_x"]) - values["lens.phi"])
  }
}

// The visitor's own picture as brightness, rows from the bottom up. It stays in this browser.
async function photograph(file, side = 256) {
  const image = await createImageBitmap(file), cut = Math.min(image.width, image.height)
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side })
  const pen = canvas.getContext("2d")
  pen.drawImage(image, (image.width - cut) / 2, (image.height - cut) / 2, cut, cut, 0, 0, side, side)
  const { data } = pen.getImageData(0, 0, side, side), values = new Float32Array(side * side)
  for (let k = 0; k < values.length; k++) {
    const from = 4 * ((side - 1 - Math.floor(k / side)) * side + k % side)
    values[k] = (0.2126 * data[from] + 0.7152 * data[from + 1] + 0.0722 * data[from + 2]) / 255
  }
  return { columns: side, rows: side, values, phi: 0, strength: 1 }
}
