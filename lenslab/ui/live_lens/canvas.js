// The picture without a graphics processor: the same rays, one by one, on a canvas of 128 x 128.
class PlainPicture {
  sizes = [128]

  constructor(canvas) {
    this.canvas = canvas
    this.pen = canvas.getContext("2d")
  }

  // Surface brightness (side x side), counts/s/arcsec^2, rows from the bottom up.
  draw(lens, lights, side, rays) {
    const { camera } = lens.data, all = side * rays, step = camera.width / all, light = new Float32Array(all * all)
    const out = [0, 0]
    for (let j = 0, at = 0; j < all; j++) {
      const y = (j - (all - 1) / 2) * step
      for (let i = 0; i < all; i++, at++) {
        const x = (i - (all - 1) / 2) * step
        out[0] = out[1] = 0
        movingDeflection(lens, x - lens.x, y - lens.y, out)
        darkDeflection(lens, x - lens.x, y - lens.y, out)
        let sum = lights.picture ? pictureLight(lights.picture, x - out[0], y - out[1]) : 0
        for (const each of lights.source) sum += sersic(each, x - out[0], y - out[1])
        for (const each of lights.lens) sum += sersic(each, x, y)
        light[at] = sum
      }
    }
    const blur = blurOf(camera, side, rays)
    this.side = side
    this.light = binnedAndTurned(binnedAndTurned(light, all, all, rays, blur), all, side, rays, blur)
  }

  pixels() {
    return this.light
  }

  show(stretch, colours) {
    const { side, light } = this, picture = new ImageData(side, side)
    for (let at = 0; at < light.length; at++) {
      const row = side - 1 - Math.floor(at / side)   // a canvas counts from the top
      picture.data.set([...colourAt(colours, stretch, light[at]), 255], 4 * (row * side + at % side))
    }
    this.canvas.width = this.canvas.height = side
    this.pen.putImageData(picture, 0, 0)
  }
}

// Rows blurred and binned, then rows for columns: done twice it is the whole camera. The edge goes on beyond the frame.
function binnedAndTurned(light, columns, rows, rays, { weights, first }) {
  const side = columns / rays, turned = new Float32Array(side * rows)
  for (let j = 0; j < rows; j++) {
    for (let p = 0; p < side; p++) {
      let sum = 0
      for (let k = 0; k < weights.length; k++) {
        sum += weights[k] * light[j * columns + Math.min(Math.max(p * rays - first + k, 0), columns - 1)]
      }
      turned[p * rows + j] = sum
    }
  }
  return turned
}

function colourAt(colours, { soft, low, high }, light) {
  const place = (Math.asinh(light / soft) - low) / (high - low) * (colours.length - 1)
  const held = Math.min(Math.max(place, 0), colours.length - 1), k = Math.min(Math.floor(held), colours.length - 2)
  return colours[k].map((c, i) => 255 * (c + (colours[k + 1][i] - c) * (held - k)))
}
