// What shines, and what the camera makes of it (lenslab.physics.light and camera).
const WIDEST_BLUR = 88   // rays: what a shader has room for

// Sersic profiles where `values` has them, those behind the lens and those of the lens itself: centre and ellipticity;
// amplitude, 1/R^2, b_n, 1/(2 n).
function lightsOf(data, values, picture) {
  const record = ({ amp, R_sersic, n_sersic, q, phi }, x, y) => {
    const c = (1 - q) / (1 + q), R = Math.max(R_sersic, 1e-4)
    return [x, y, c * Math.cos(2 * phi), c * Math.sin(2 * phi), amp, 1 / R ** 2, Math.max(1.9992 * n_sersic - 0.3271, 1e-5),
            0.5 / n_sersic]
  }
  const x = values["source.center_x"], y = values["source.center_y"]
  const source = picture ? [] : data.source.map((light) => record(light, x + light.x, y + light.y))
  const lens = data.lens_light.map((light, k) => record(light, values[`lens_light.${k}.center_x`],
                                                        values[`lens_light.${k}.center_y`]))
  return { source, lens, picture: picture && { ...picture, x, y } }
}

function sersic([cx, cy, e1, e2, amp, per, b, half], x, y) {
  const dx = x - cx, dy = y - cy, zx = (1 - e1) * dx - e2 * dy, zy = (1 + e1) * dy - e2 * dx
  const ratio = Math.max((zx * zx + zy * zy) * per / (1 - e1 * e1 - e2 * e2), 1e-8 * per)
  return amp * Math.exp(b - b * Math.pow(ratio, half))
}

// Bilinear between the centres of its pixels, 0 beyond a pixel from its edge: light.picture_surface_brightness.
function pictureLight(picture, x, y) {
  const { columns, rows, values, width, phi, strength } = picture, pixel = width / columns
  const dx = x - picture.x, dy = y - picture.y, cosine = Math.cos(phi), sine = Math.sin(phi)
  const column = (cosine * dx + sine * dy) / pixel + 0.5 * (columns - 1)
  const row = (cosine * dy - sine * dx) / pixel + 0.5 * (rows - 1)
  const i = Math.floor(column), j = Math.floor(row), u = column - i, v = row - j
  const at = (a, b) => (a >= 0 && a < columns && b >= 0 && b < rows ? values[b * columns + a] : 0)
  return strength * ((1 - v) * ((1 - u) * at(i, j) + u * at(i + 1, j)) + v * ((1 - u) * at(i, j + 1) + u * at(i + 1, j + 1)))
}

// The blur and the binning of one axis in one: weights of the rays about a pixel, from `first` rays before its own.
function blurOf(camera, side, rays) {
  const spacing = camera.width / (side * rays), sigma = camera.fwhm / FWHM_PER_SIGMA / spacing
  const radius = camera.fwhm ? Math.min(Math.floor(camera.truncation * sigma + 0.5), WIDEST_BLUR) : 0
  const gauss = Array.from({ length: 2 * radius + 1 }, (_, k) => (radius ? Math.exp(-0.5 * ((k - radius) / sigma) ** 2) : 1))
  const total = gauss.reduce((a, b) => a + b) * rays, weights = new Float32Array(2 * radius + rays)
  gauss.forEach((weight, k) => { for (let ray = 0; ray < rays; ray++) weights[k + ray] += weight / total })
  return { weights, first: radius }
}
