// Critical curves, caustics, the cut, and images of the source's centre, on a mesh of rays about the lens.
// Circles that lie close together near the centre and even farther out; a finer patch about each clump placed by hand.
// Curves smaller than two cells of the mesh are not found.
const CIRCLES = 104, SPOKES = 160, INNERMOST = 0.002, BEND = 0.06   // arcsec
const PATCH_CELLS = 28, PATCH = 0.35                                // arcsec, half of its width
const NEWTON = 8, FOUND = 1e-5, NEAR = 1e-4, FAINTEST = 1e-3

function circlesOf(half) {
  const from = Math.asinh(INNERMOST / BEND), to = Math.asinh(half / BEND), x = [], y = []
  for (let j = 0; j <= CIRCLES; j++) {
    const radius = BEND * Math.sinh(from + (to - from) * j / CIRCLES)
    for (let i = 0; i <= SPOKES; i++) {
      const angle = 2 * Math.PI * i / SPOKES + 0.013   // so that no ray lies on an axis of a usual lens
      x.push(radius * Math.cos(angle))
      y.push(radius * Math.sin(angle))
    }
  }
  return { columns: SPOKES + 1, rows: CIRCLES + 1, x, y, round: true }
}

function patchOf([cx, cy]) {
  const x = [], y = [], side = PATCH_CELLS + 1
  for (let k = 0; k < side * side; k++) {
    x.push(cx + PATCH * (2 * (k % side) / PATCH_CELLS - 1))
    y.push(cy + PATCH * (2 * Math.floor(k / side) / PATCH_CELLS - 1))
  }
  return { columns: side, rows: side, x, y, round: false }
}

// Where the rays of a mesh meet the source plane, from the centre of the lens; `dark` is what does not change, if known.
function shot(mesh, lens, dark) {
  const n = mesh.x.length, u = new Float64Array(n), v = new Float64Array(n), out = [0, 0]
  for (let k = 0; k < n; k++) {
    out[0] = dark ? dark[2 * k] : 0
    out[1] = dark ? dark[2 * k + 1] : 0
    movingDeflection(lens, mesh.x[k], mesh.y[k], out)
    if (!dark) darkDeflection(lens, mesh.x[k], mesh.y[k], out)
    u[k] = mesh.x[k] - out[0]
    v[k] = mesh.y[k] - out[1]
  }
  return { ...mesh, u, v }
}

// det A on the nodes, up to a positive factor, by differences along the mesh.
function determinants({ columns, rows, x, y, u, v, round }) {
  const det = new Float64Array(x.length)
  for (let j = 0; j < rows; j++) {
    const below = Math.max(j - 1, 0) * columns, above = Math.min(j + 1, rows - 1) * columns
    for (let i = 0; i < columns; i++) {
      const left = i > 0 ? i - 1 : round ? columns - 2 : 0
      const right = i < columns - 1 ? i + 1 : round ? 1 : columns - 1
      const a = j * columns + left, b = j * columns + right, c = below + i, d = above + i
      const source = (u[b] - u[a]) * (v[d] - v[c]) - (v[b] - v[a]) * (u[d] - u[c])
      const sky = (x[b] - x[a]) * (y[d] - y[c]) - (y[b] - y[a]) * (x[d] - x[c])
      det[j * columns + i] = source / sky
    }
  }
  return det
}

// Lines on which det A is 0 (marching squares), joined end to end: each a list of [x, y, u, v].
function zeroLines(mesh) {
  const { columns, rows, x, y, u, v } = mesh, det = determinants(mesh), places = new Map(), next = new Map()
  const place = (a, b) => {
    const key = a < b ? a * 1e6 + b : b * 1e6 + a
    if (!places.has(key)) {
      const s = det[a] / (det[a] - det[b])
      places.set(key, [x, y, u, v].map((each) => each[a] + s * (each[b] - each[a])))
      next.set(key, [])
    }
    return key
  }
  for (let j = 0; j < rows - 1; j++) {
    for (let i = 0; i < columns - 1; i++) {
      const k = j * columns + i, corners = [k, k + 1, k + columns + 1, k + columns]
      const cut = corners.map((a, n) => [a, corners[(n + 1) % 4]]).filter(([a, b]) => (det[a] > 0) !== (det[b] > 0))
      for (let n = 0; n + 1 < cut.length; n += 2) {
        const [p, q] = [place(...cut[n]), place(...cut[n + 1])]
        next.get(p).push(q)
        next.get(q).push(p)
      }
    }
  }
  const lines = [], seen = new Set()
  const ends = [...next.keys()].sort((a, b) => next.get(a).length - next.get(b).length)   // open ones from their ends
  for (const start of ends) {
    if (seen.has(start)) continue
    const keys = []
    for (let at = start; at !== undefined; at = next.get(at).find((each) => !seen.has(each))) {
      seen.add(at)
      keys.push(at)
    }
    const line = keys.map((key) => places.get(key))
    if (next.get(start).includes(keys[keys.length - 1])) line.push(line[0])
    if (line.length > 3) lines.push(line)
  }
  return lines
}

// Where the centre of an isothermal lens is mapped: beta in the limit of no radius, by the two innermost circles.
function cutOf({ columns, x, y, u, v }) {
  const first = Math.hypot(x[0], y[0]), second = Math.hypot(x[columns], y[columns]), line = []
  for (let i = 0; i < columns; i++) {
    line.push([u, v].map((each) => (second * each[i] - first * each[columns + i]) / (second - first)))
  }
  return line
}

// Images of a point of the source plane: Newton's method from each triangle of a mesh that is mapped around it.
function imagesOf(meshes, lens, u0, v0) {
  const found = [], miss = (x, y) => {
    const [a, b] = deflection(lens, x, y)
    return [x - a - u0, y - b - v0]
  }
  for (const { columns, rows, x, y, u, v } of meshes) {
    for (let j = 0; j < rows - 1; j++) {
      for (let i = 0; i < columns - 1; i++) {
        const k = j * columns + i
        for (const [a, b, c] of [[k, k + 1, k + columns], [k + columns + 1, k + columns, k + 1]]) {
          const p = (u[b] - u0) * (v[c] - v0) - (v[b] - v0) * (u[c] - u0)
          const q = (u[c] - u0) * (v[a] - v0) - (v[c] - v0) * (u[a] - u0)
          const r = (u[a] - u0) * (v[b] - v0) - (v[a] - v0) * (u[b] - u0)
          if (!(p >= 0 && q >= 0 && r >= 0) && !(p <= 0 && q <= 0 && r <= 0)) continue
          const all = p + q + r || 1
          const image = polished(miss, (p * x[a] + q * x[b] + r * x[c]) / all, (p * y[a] + q * y[b] + r * y[c]) / all)
          if (image && found.every((each) => Math.hypot(each.x - image.x, each.y - image.y) > 0.01)) found.push(image)
        }
      }
    }
  }
  return found
}

function polished(miss, x, y) {
  for (let step = 0; step < NEWTON; step++) {
    const [a, b] = miss(x, y), [ax, bx] = miss(x + NEAR, y), [ay, by] = miss(x, y + NEAR)
    const xx = (ax - a) / NEAR, yx = (bx - b) / NEAR, xy = (ay - a) / NEAR, yy = (by - b) / NEAR, det = xx * yy - xy * yx
    if (Math.hypot(a, b) < FOUND) return Math.abs(det) * FAINTEST < 1 ? { x, y, mu: 1 / det } : null
    const along_x = (xy * b - yy * a) / det, along_y = (yx * a - xx * b) / det
    const reach = Math.min(0.1, 0.5 * Math.hypot(x, y)) / Math.hypot(along_x, along_y)   // never across the centre
    x += along_x * Math.min(1, reach)
    y += along_y * Math.min(1, reach)
  }
  return null
}

// Keeps the deflection by what does not move, so that a drag costs the closed forms of the smooth lens alone.
class Curves {
  constructor(data) {
    this.mesh = circlesOf(0.8 * data.camera.width)
    const lens = lensOf(data, data.values), out = [0, 0]
    if (lens.points.length || lens.halos.length || lens.sheet || lens.bent) {
      this.dark = new Float64Array(2 * this.mesh.x.length)
      this.mesh.x.forEach((dx, k) => {
        out[0] = out[1] = 0
        this.dark.set(darkDeflection(lens, dx, this.mesh.y[k], out), 2 * k)
      })
    }
  }

  // Everything on the sky, arcsec from the middle of the frame.
  of(lens, x, y) {
    const near = [...lens.clumpPoints, ...lens.clumpHalos].map((clump) => shot(patchOf(clump), lens))
    const wide = shot(this.mesh, lens, lens.hidden ? null : this.dark)
    const moved = (line) => line.map(([a, b]) => [a + lens.x, b + lens.y])
    const lines = zeroLines(wide), known = lines.flat()
    for (const line of near.flatMap(zeroLines)) {   // those that close within a patch and were too small for the circles
      const alone = line.every(([a, b]) => known.every(([c, d]) => Math.hypot(a - c, b - d) > 0.06))
      if (line[0] === line[line.length - 1] && alone) lines.push(line)
    }
    return {
      critical: lines.map(moved),
      caustics: lines.map((line) => moved(line.map(([, , u, v]) => [u, v]))),
      cut: lens.t === 1 ? moved(cutOf(wide)) : [],
      images: imagesOf([wide, ...near], lens, x - lens.x, y - lens.y).map(({ x, y, mu }) => ({ x: x + lens.x, y: y + lens.y, mu })),
    }
  }
}
